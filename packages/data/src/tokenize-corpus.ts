import { createHash } from "node:crypto";
import type { DurableFs } from "@codex/storage";
import type { Corpus, CorpusStatistics } from "./corpus.ts";
import type { InputFile } from "./document.ts";
import { byteLengthTable, DocumentEncoding } from "./encode-documents.ts";
import type { TokenEncoder } from "./encoder.ts";
import { DataError } from "./errors.ts";
import { MemoryTokens } from "./memory-tokens.ts";
import type { SplitName } from "./split.ts";
import { openOrBuildTokenCache } from "./token-cache.ts";
import type { TokenSequence, TokenSink } from "./token-sequence.ts";

/** What a run writes into its manifest about its data, and the `manifest.json` of a token cache. */
export interface DataManifest extends EncodingCounts {
  readonly schema_version: 1;
  /** sha256 of everything that decides the tokens: inputs, settings, tokenizer. */
  readonly key: string;
  readonly inputs: readonly InputFile[];
  readonly settings: Corpus["settings"];
  readonly tokenizer: {
    readonly hash: string | null;
    readonly vocab_size: number;
    readonly end_of_text_id: number | null;
  };
}

/** What is known once everything is encoded. */
export interface EncodingCounts {
  readonly statistics: CorpusStatistics;
  readonly splits: BySplit<{ readonly tokens: number; readonly documents: number }>;
}

export type BySplit<Value> = Readonly<Record<SplitName, Value>>;

export interface TokenizedCorpus {
  readonly splits: BySplit<TokenSequence>;
  readonly manifest: DataManifest;
  /** Where the tokens came from. `rebuilt`: there was a cache, and it was damaged. */
  readonly origin: "memory" | "built" | "cache" | "rebuilt";
  /** Closes the files. */
  close(): void;
}

export interface TokenizeProgress {
  readonly documents: number;
  readonly tokens: number;
}

export interface TokenizeOptions {
  /** Keep the tokens as shards on disk, in a folder below `directory`, and use them again. Without it: in memory. */
  readonly cache?: {
    readonly directory: string;
    /** Tells this tokenizer from any other: a hash of its files. */
    readonly tokenizerHash: string;
    /** Where to write; default: the real disk. */
    readonly fs?: DurableFs;
  };
  readonly signal?: AbortSignal;
  /** Called about once for a million tokens. */
  readonly onProgress?: (progress: TokenizeProgress) => void;
}

/**
 * Tokenizes a corpus, or finds that this was done before. The caller closes the result.
 *
 * A cache is used only if its inputs, settings and tokenizer are the same and its files are whole: all inputs and all shards
 * are read and hashed for that. It is written to a temporary folder that is renamed when it is complete.
 *
 * @throws {DataError} `DATA_TOKEN_INVALID`, `DATA_CHANGED` if an input was written to meanwhile, and what reading the corpus throws
 * @throws {StorageError} `STORAGE_DISK_FULL`, ...; nothing is left behind then
 */
export async function tokenizeCorpus(
  corpus: Corpus,
  encoder: TokenEncoder,
  options: TokenizeOptions = {},
): Promise<TokenizedCorpus> {
  const { signal } = options;
  const inputs = await corpus.inputs(signal === undefined ? {} : { signal });
  const tokenizer = {
    hash: options.cache?.tokenizerHash ?? null,
    vocab_size: encoder.vocabSize,
    end_of_text_id: encoder.endOfTextId ?? null,
  };
  const identity = { inputs, settings: corpus.settings, tokenizer };
  const description = { schema_version: 1, key: sha256OfJson(identity), ...identity } as const;
  const encode = async (sinks: BySplit<TokenSink>) => {
    const counts = await encodeCorpus(corpus, encoder, sinks, options);
    checkUnchanged(inputs, await corpus.inputs());
    return counts;
  };
  const tokenByteLength = byteLengthTable(encoder);
  if (options.cache !== undefined) {
    return openOrBuildTokenCache({
      ...options.cache,
      ...(signal === undefined ? {} : { signal }),
      description,
      vocabSize: encoder.vocabSize,
      tokenByteLength,
      encode,
    });
  }
  const splits = {
    train: new MemoryTokens(tokenByteLength),
    validation: new MemoryTokens(tokenByteLength),
    test: new MemoryTokens(tokenByteLength),
  };
  const manifest = { ...description, ...(await encode(splits)) };
  return { splits, manifest, origin: "memory", close: () => {} };
}

async function encodeCorpus(
  corpus: Corpus,
  encoder: TokenEncoder,
  sinks: BySplit<TokenSink>,
  { signal, onProgress }: TokenizeOptions,
): Promise<EncodingCounts> {
  const encodings = {
    train: new DocumentEncoding(encoder, sinks.train),
    validation: new DocumentEncoding(encoder, sinks.validation),
    test: new DocumentEncoding(encoder, sinks.test),
  };
  const reading = corpus.read();
  let documents = 0;
  let tokens = 0;
  let reported = 0;
  for await (const document of reading) {
    signal?.throwIfAborted();
    tokens += await encodings[document.split].add(document);
    documents++;
    if (tokens - reported >= PROGRESS_TOKENS) {
      reported = tokens;
      onProgress?.({ documents, tokens });
    }
  }
  for (const encoding of Object.values(encodings)) await encoding.finish();
  const counts = ({ tokens, documents }: DocumentEncoding) => ({ tokens, documents });
  return {
    statistics: reading.statistics,
    splits: {
      train: counts(encodings.train),
      validation: counts(encodings.validation),
      test: counts(encodings.test),
    },
  };
}

/** Tokens must not be kept under the checksums of another text. */
function checkUnchanged(before: readonly InputFile[], after: readonly InputFile[]): void {
  const now = new Map(after.map((input) => [input.path, input.sha256]));
  const changed = before.filter(({ path, sha256 }) => now.get(path) !== sha256).map(({ path }) => path);
  if (changed.length === 0 && before.length === after.length) return;
  const what = changed.length > 0 ? changed.join(", ") : "there are other files than before";
  throw new DataError("DATA_CHANGED", `the text changed while it was tokenized: ${what}`, {
    help: "Try again when nothing writes to it any more.",
  });
}

const PROGRESS_TOKENS = 1_000_000;

/** Keys stay in the order they are written in above: the same settings give the same text. */
function sha256OfJson(value: object): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}
