/**
 * `@huggingface/tokenizers` behind the interface of this package: for WordPiece, Unigram and whatever else the native
 * reader refuses. It is a rewrite of the Rust library in JavaScript; where it is known to give other ids, the file is
 * refused, and what cannot be told from the file is listed in the README.
 */
import type { Tokenizer as Implementation } from "@huggingface/tokenizers";
import { BaseTokenizer, type TokenizerFiles } from "./base-tokenizer.ts";
import { tokenToBytes } from "./byte-alphabet.ts";
import { TokenizerError, unknownId } from "./errors.ts";
import { isObject, type JsonObject } from "./json-reader.ts";
import { type ParseTokenizerOptions, tokenizerFiles } from "./parse-tokenizer.ts";
import type { DecodeOptions, EncodeOptions, StreamDecoder, Tokenizer } from "./tokenizer.ts";
import { atPath, readTokenizerFiles } from "./tokenizer-files.ts";
import { readAddedTokens, readTemplate } from "./tokenizer-json.ts";
import { utf8Length } from "./utf8.ts";

/** Stands in the `tokenizer_config.json` that the adapter saves: what trained with it goes on with it, even where the native reader could. */
const SAVED_BY_ADAPTER = { codex_tokenizer: "hf" } as const;

export function wasSavedByAdapter(config: unknown): boolean {
  return isObject(config) && config["codex_tokenizer"] === SAVED_BY_ADAPTER.codex_tokenizer;
}

type Allowed = NonNullable<EncodeOptions["allowedSpecial"]>;

/**
 * Loads any `tokenizer.json` that `@huggingface/tokenizers` supports, from a directory or a file. Its normalisation may
 * lose part of a text, so `decode(encode(x))` need not be `x`.
 *
 * @throws {TokenizerError} `TOKENIZER_FILE_MISSING`, `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED`
 */
export async function loadHfTokenizer(directoryOrFile: string): Promise<Tokenizer> {
  const { path, json, options } = await readTokenizerFiles(directoryOrFile);
  return atPath(path, () => parseHfTokenizer(json, options));
}

/** The same from the contents of the files. */
export async function parseHfTokenizer(json: unknown, options: ParseTokenizerOptions = {}): Promise<Tokenizer> {
  const implementation = await import("@huggingface/tokenizers");
  return parseHf(json, options, implementation.Tokenizer);
}

function parseHf(json: unknown, options: ParseTokenizerOptions, Implementation: ImplementationClass): Tokenizer {
  const parsed = tokenizerFiles(json, options);
  const files = { ...parsed, config: { ...parsed.config, ...SAVED_BY_ADAPTER } };
  refuseDivergences(files.json, "");
  return new HfTokenizer(files, (allowedTokens) => {
    const addedTokens = files.json.added_tokens ?? [];
    const kept = (addedTokens as readonly JsonObject[]).filter((token) => allowedTokens(token));
    // It writes into what it is given, and takes clean-up for wanted unless told otherwise.
    const copy = structuredClone({
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      ...files.json,
    });
    try {
      return new Implementation(
        { ...copy, added_tokens: kept },
        { clean_up_tokenization_spaces: false, ...files.config },
      );
    } catch (cause) {
      throw new TokenizerError(
        "TOKENIZER_UNSUPPORTED",
        `tokenizer.json: @huggingface/tokenizers: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  });
}

type ImplementationClass = typeof Implementation;

class HfTokenizer extends BaseTokenizer {
  readonly kind = "hf";
  /** Only byte-level tokens have bytes of their own. */
  readonly tokenByteLength?: (id: number) => number;
  readonly #create: (keep: (token: JsonObject) => boolean) => Implementation;
  readonly #full: Implementation;
  readonly #unkId: number | undefined;
  /** By which special tokens they find in a text. */
  readonly #encoders = new Map<string, Implementation>();

  constructor(files: TokenizerFiles, create: (keep: (token: JsonObject) => boolean) => Implementation) {
    const full = create(() => true);
    const vocab = full.get_vocab(true);
    const addedTokens = readAddedTokens(files.json, new Map(), ["single_word"]);
    super(files, { vocab, addedTokens, template: readTemplate(files.json.post_processor) });
    this.#create = create;
    this.#full = full;
    this.#unkId = full.model?.unk_token_id;
    const { decoder } = files.json;
    if (isObject(decoder) && decoder.type === "ByteLevel") this.tokenByteLength = (id) => this.#byteLength(id);
  }

  protected encodeContent(text: string, allowed: Allowed): Uint32Array {
    const allowedIds = new Set(this.addedTokens.allowedSpecial(allowed).map((token) => token.id));
    const encoder = this.#encoder(allowedIds);
    const { ids, tokens } = encoder.encode(text, { add_special_tokens: false });
    return Uint32Array.from(ids, (id: number | null | undefined, index) => {
      const token = tokens[index];
      if (id === undefined || id === null) {
        throw new TokenizerError(
          "TOKENIZER_UNKNOWN_CHARACTER",
          `text: expected words of the vocabulary, got ${JSON.stringify(token)}`,
          {
            help: "This tokenizer has no token for unknown words.",
          },
        );
      }
      if (this.addedTokens.isSpecial(id) && id !== this.#unkId && !allowedIds.has(id)) {
        throw new TokenizerError(
          "TOKENIZER_SPECIAL_TOKEN_IN_TEXT",
          `text: expected no special tokens, got ${JSON.stringify(token)}, which this tokenizer cannot take for ordinary text`,
          { help: "Remove it from the text, or allow it with allowedSpecial." },
        );
      }
      return id;
    });
  }

  decode(ids: ArrayLike<number>, { skipSpecialTokens = true }: DecodeOptions = {}): string {
    const list = Array.from(ids, (id) => (this.idToToken(id) === undefined ? unknownId(id, this.vocabSize) : id));
    return list.length === 0 ? "" : this.#full.decode(list, { skip_special_tokens: skipSpecialTokens });
  }

  /** Decodes a short window of ids again at each step, as DecodeStream of the Rust library does. */
  streamDecoder(options?: DecodeOptions): StreamDecoder {
    let ids: number[] = [];
    let read = 0; // ids whose text was given already
    let given = "";
    return {
      push: (id) => {
        ids.push(id);
        const text = this.decode(ids, options);
        if (text.length <= given.length || text.endsWith("\ufffd")) return "";
        const added = text.slice(given.length);
        ids = ids.slice(read);
        read = ids.length;
        given = this.decode(ids, options);
        return added;
      },
      end: () => {
        const rest = this.decode(ids, options).slice(given.length);
        ids = [];
        read = 0;
        given = "";
        return rest;
      },
    };
  }

  #byteLength(id: number): number {
    const token = this.requireToken(id);
    if (this.addedTokens.isSpecial(id)) return 0;
    if (this.addedTokens.byId(id) !== undefined) return utf8Length(token);
    return tokenToBytes(token)?.length ?? utf8Length(token);
  }

  /** The library finds every added token in a text; to find fewer it is given fewer. */
  #encoder(allowedIds: ReadonlySet<number>): Implementation {
    const key = [...allowedIds].join(" ");
    let encoder = this.#encoders.get(key);
    if (encoder === undefined) {
      encoder = this.#create((token) => token.special !== true || allowedIds.has(token.id as number));
      this.#encoders.set(key, encoder);
    }
    return encoder;
  }
}

/** Options that `@huggingface/tokenizers` 0.2.0 reads and does not honour. */
const DIVERGENCES: Readonly<Record<string, { field: string; honoured: readonly unknown[] }>> = {
  Unigram: { field: "byte_fallback", honoured: [false, null] },
  Split: { field: "behavior", honoured: ["Isolated", "Removed"] },
  Punctuation: { field: "behavior", honoured: ["Isolated", null] },
};

function refuseDivergences(value: unknown, path: string): void {
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) refuseDivergences(one, `${path}[${index}]`);
  } else if (isObject(value)) {
    const divergence = typeof value.type === "string" ? DIVERGENCES[value.type] : undefined;
    if (divergence !== undefined && !divergence.honoured.includes(value[divergence.field] ?? null)) {
      const got = JSON.stringify(value[divergence.field]);
      throw new TokenizerError(
        "TOKENIZER_UNSUPPORTED",
        `tokenizer.json: ${path}.${divergence.field}: @huggingface/tokenizers honours ${divergence.honoured.join(", ")}, got ${got}`,
      );
    }
    for (const [key, one] of Object.entries(value)) {
      if (key !== "vocab" && key !== "merges") refuseDivergences(one, path === "" ? key : `${path}.${key}`);
    }
  }
}
