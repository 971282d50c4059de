import Type, { type Static } from "typebox";
import { BpeTokenizer } from "./bpe-tokenizer.ts";
import { trainMerges } from "./bpe-trainer.ts";
import { BYTES_BY_CHARACTER, byteToCharacter } from "./byte-alphabet.ts";
import { byteLevelJson, refuseByteNames } from "./byte-level-json.ts";
import { DEFAULT_SPECIAL_TOKENS } from "./byte-tokenizer.ts";
import { type CorpusProgress, pause, readCorpus } from "./corpus.ts";
import { TokenizerError } from "./errors.ts";
import { type CorpusInput, type TokenizerManifest, tokenizerSha256 } from "./manifest.ts";
import { pieceEnd } from "./pre-tokenizer.ts";
import { specialTokenList, specialTokensSchema, tokenizerConfig } from "./special-tokens.ts";
import { detach } from "./string-memory.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { UNICODE_TABLES } from "./unicode-classes.ts";
import { encodeUtf8 } from "./utf8.ts";

export const BpeTrainingOptions = Type.Object(
  {
    vocabSize: Type.Integer({
      minimum: 256,
      default: 4096,
      description: "Ids: special tokens, 256 bytes, merges. Fewer in the end if the corpus has no more pairs to merge.",
    }),
    minFrequency: Type.Integer({ minimum: 0, default: 0, description: "A pair that occurs less often is not merged." }),
    preTokenizer: Type.Union(
      [Type.Literal("gpt2"), Type.Literal("llama3"), Type.Literal("qwen2"), Type.Literal("none")],
      { default: "gpt2", description: "Where text is cut before merging: no merge crosses a cut." },
    ),
    specialTokens: specialTokensSchema(DEFAULT_SPECIAL_TOKENS),
  },
  { additionalProperties: false, description: "Training of byte-level BPE. There is no seed: nothing is random." },
);
export type BpeTrainingOptions = Static<typeof BpeTrainingOptions>;

/** `vocabSize`, the other settings where they differ from the defaults of `BpeTrainingOptions`, and: */
export interface TrainBpeOptions
  extends Pick<BpeTrainingOptions, "vocabSize">,
    Partial<Omit<BpeTrainingOptions, "vocabSize">> {
  /** Files of the corpus, for the manifest. */
  readonly inputs?: readonly CorpusInput[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

export type TrainingProgress =
  | ({ readonly phase: "count" } & CorpusProgress)
  | { readonly phase: "merge"; readonly tokens: number; readonly vocabSize: number };

/** A tokenizer that was just trained. */
export interface TrainedTokenizer extends Tokenizer {
  readonly manifest: TokenizerManifest;
}

const MERGES_BETWEEN_PAUSES = 64;

/**
 * Trains byte-level BPE on a stream of texts. Memory grows with the number of different pieces (words), not with the
 * corpus: each text is let go once it is counted. The result depends on the texts and the settings alone, not on how
 * often the stream pauses, and has the merges of the BpeTrainer of Hugging Face tokenizers.
 *
 * @throws {TokenizerError} `TOKENIZER_VOCAB_TOO_SMALL`, `TOKENIZER_CORPUS_EMPTY`, `TOKENIZER_OPTIONS_INVALID`,
 * `TOKENIZER_SPECIAL_TOKEN_CONFLICT`; the reason of `signal` if it is aborted
 */
export async function trainByteLevelBpe(
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainBpeOptions,
): Promise<TrainedTokenizer> {
  const { vocabSize, minFrequency = 0, preTokenizer = "gpt2", specialTokens = DEFAULT_SPECIAL_TOKENS } = options;
  const special = specialTokenList(specialTokens);
  checkOptions({ vocabSize, minFrequency, preTokenizer }, special);

  const counts = new Map<string, number>();
  const cut = pieceEnd(preTokenizer);
  const count = (text: string): void => {
    for (let start = 0; start < text.length; ) {
      const end = cut(text, start);
      const piece = text.slice(start, end);
      const before = counts.get(piece);
      if (before === undefined) counts.set(detach(piece), 1);
      else counts.set(piece, before + 1);
      start = end;
    }
  };
  const corpus = await readCorpus(texts, count, {
    signal: options.signal,
    onProgress: (progress) => options.onProgress?.({ phase: "count", ...progress }),
  });
  if (corpus.bytes === 0) {
    throw new TokenizerError(
      "TOKENIZER_CORPUS_EMPTY",
      `the corpus: expected some text, got ${corpus.documents} empty documents`,
    );
  }

  const firstByteId = special.length;
  const byteIds = new Uint32Array(256);
  BYTES_BY_CHARACTER.forEach((byte, index) => {
    byteIds[byte] = firstByteId + index;
  });
  const training = trainMerges({
    words: Array.from(counts.keys(), (piece) => Uint32Array.from(encodeUtf8(piece), (byte) => byteIds[byte]!)),
    counts: [...counts.values()],
    tokens: [...special, ...BYTES_BY_CHARACTER.map(byteToCharacter)],
    vocabSize,
    minFrequency,
    reserved: new Set(special),
  });
  let step = training.next();
  for (let merges = 1; step.done !== true; merges++, step = training.next()) {
    if (merges % MERGES_BETWEEN_PAUSES !== 0) continue;
    options.onProgress?.({ phase: "merge", tokens: step.value, vocabSize });
    await pause(options.signal);
  }
  const { tokens, merges } = step.value;
  options.onProgress?.({ phase: "merge", tokens: tokens.length, vocabSize });

  const json = byteLevelJson({
    vocab: tokens.map((token, id) => [token, id] as const),
    merges,
    preTokenizer,
    specialTokens: special.map((content, id) => ({ content, id })),
  });
  const manifest: TokenizerManifest = {
    schema_version: 1,
    trainer: { name: "byte-level-bpe", version: 1 },
    settings: {
      vocab_size: vocabSize,
      min_frequency: minFrequency,
      pre_tokenizer: preTokenizer,
      normalization: null,
      special_tokens: specialTokens,
      unicode_tables: UNICODE_TABLES,
    },
    corpus: { ...corpus, inputs: options.inputs ?? [] },
    result: { vocab_size: tokens.length, merges: merges.length, sha256: tokenizerSha256(json) },
  };
  const tokenizer = new BpeTokenizer({ json, config: tokenizerConfig(specialTokens), manifest: { ...manifest } });
  return Object.assign(tokenizer, { manifest });
}

function checkOptions(
  { vocabSize, minFrequency, preTokenizer }: Omit<BpeTrainingOptions, "specialTokens">,
  special: readonly string[],
): void {
  if (!Number.isInteger(vocabSize)) refuse("vocabSize", "an integer", vocabSize);
  if (!Number.isInteger(minFrequency) || minFrequency < 0)
    refuse("minFrequency", "an integer, 0 or more", minFrequency);
  const names = BpeTrainingOptions.properties.preTokenizer.anyOf.map((option) => option.const);
  if (!names.includes(preTokenizer)) refuse("preTokenizer", `one of ${names.join(", ")}`, preTokenizer);
  const needed = 256 + special.length;
  if (vocabSize < needed) {
    throw new TokenizerError(
      "TOKENIZER_VOCAB_TOO_SMALL",
      `vocabSize: expected at least ${needed} (256 bytes and ${special.length} special tokens), got ${vocabSize}`,
      { help: 'Byte-level tokenizers have a token for each byte. For less, use the "char" tokenizer.' },
    );
  }
  refuseByteNames(special);
}

function refuse(option: string, expected: string, value: unknown): never {
  throw new TokenizerError(
    "TOKENIZER_OPTIONS_INVALID",
    `${option}: expected ${expected}, got ${JSON.stringify(value)}`,
  );
}
