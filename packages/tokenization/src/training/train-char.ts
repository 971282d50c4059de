import { CharTokenizer } from "../char-tokenizer.ts";
import { TokenizerError } from "../errors.ts";
import { type CorpusInput, type TokenizerManifest, tokenizerSha256 } from "../manifest.ts";
import { type SpecialTokenOptions, specialAddedTokens, specialTokenList, tokenizerConfig } from "../special-tokens.ts";
import type { TokenizerJson } from "../tokenizer-json.ts";
import { loneSurrogateIndex } from "../utf8.ts";
import { type CorpusProgress, readCorpus } from "./corpus.ts";
import type { TrainedTokenizer } from "./train-bpe.ts";

export interface TrainCharOptions {
  /** Default none, as in nanoGPT. With an `unk` token, characters outside the vocabulary get its id. */
  readonly specialTokens?: SpecialTokenOptions;
  /** Files of the corpus, for the manifest. */
  readonly inputs?: readonly CorpusInput[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CorpusProgress) => void;
}

/**
 * The character tokenizer of a stream of texts: special tokens, then the characters (code points) of the texts in
 * ascending order.
 *
 * @throws {TokenizerError} `TOKENIZER_CORPUS_EMPTY`, `TOKENIZER_TEXT_INVALID`, `TOKENIZER_OPTIONS_INVALID`,
 * `TOKENIZER_SPECIAL_TOKEN_CONFLICT`; the reason of `signal` if it is aborted
 */
export async function trainCharTokenizer(
  texts: AsyncIterable<string> | Iterable<string>,
  { specialTokens = {}, inputs = [], signal, onProgress }: TrainCharOptions = {},
): Promise<TrainedTokenizer> {
  const special = specialTokenList(specialTokens);
  const characters = new Set<string>();
  let documents = 0;
  const collect = (text: string): void => {
    documents++;
    const lone = loneSurrogateIndex(text);
    if (lone >= 0) {
      throw new TokenizerError(
        "TOKENIZER_TEXT_INVALID",
        `document ${documents} of the corpus, offset ${lone}: expected whole characters, got half of a surrogate pair`,
        { help: "A char tokenizer has a token per character. Byte-level tokenizers take any string." },
      );
    }
    for (const character of text) characters.add(character);
  };
  const corpus = await readCorpus(texts, collect, { signal, onProgress });
  if (characters.size === 0) {
    throw new TokenizerError(
      "TOKENIZER_CORPUS_EMPTY",
      `the corpus: expected some text, got ${corpus.documents} empty documents`,
    );
  }
  const taken = special.find((token) => characters.has(token));
  if (taken !== undefined) {
    throw new TokenizerError(
      "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
      `specialTokens: expected names that are no character of the corpus, got ${JSON.stringify(taken)}`,
      { help: "Choose a longer one, such as <|endoftext|>." },
    );
  }

  const tokens = [...special, ...[...characters].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)];
  const json = charJson(tokens, special, specialTokens.unk);
  const manifest: TokenizerManifest = {
    schema_version: 1,
    trainer: { name: "char", version: 1 },
    settings: {
      vocab_size: null,
      min_frequency: null,
      pre_tokenizer: "none",
      normalization: null,
      special_tokens: specialTokens,
      unicode_tables: null,
    },
    corpus: { ...corpus, inputs },
    result: { vocab_size: tokens.length, merges: 0, sha256: tokenizerSha256(json) },
  };
  const tokenizer = new CharTokenizer({ json, config: tokenizerConfig(specialTokens), manifest: { ...manifest } });
  return Object.assign(tokenizer, { manifest });
}

function charJson(tokens: readonly string[], special: readonly string[], unk: string | undefined): TokenizerJson {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialAddedTokens(special.map((content, id) => ({ content, id }))),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: "Fuse" },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unk ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
    },
  };
}
