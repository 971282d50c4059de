/** Where a trained tokenizer comes from: `tokenizer_manifest.json`. Without time or machine: the same corpus and settings give the same bytes. */
import { createHash } from "node:crypto";
import { serializeJson } from "./base-tokenizer.ts";
import { TokenizerError } from "./errors.ts";
import type { JsonObject } from "./json-reader.ts";
import type { SpecialTokenOptions } from "./special-tokens.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";
import type { PrunedWords } from "./training/word-counts.ts";

/** A file that the corpus was read from. */
export interface CorpusInput {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export type TrainerName = "byte-level-bpe" | "char" | "character-bpe" | "word-piece" | "word-level" | "unigram";

export interface TokenizerManifest {
  readonly schema_version: 1;
  /** Algorithm, and the version of it: another version may give other ids for the same corpus. */
  readonly trainer: { readonly name: TrainerName; readonly version: 1 };
  readonly settings: {
    readonly vocab_size: number | null;
    readonly min_frequency: number | null;
    readonly pre_tokenizer: string;
    /** The `normalizer` of the file. */
    readonly normalization: JsonObject | null;
    readonly special_tokens: SpecialTokenOptions;
    readonly unicode_tables: string | null;
    /** Settings that only some trainers have. */
    readonly character_coverage?: number;
    readonly limit_alphabet?: number | null;
    readonly byte_fallback?: boolean;
    readonly continuing_subword_prefix?: string;
    readonly max_piece_length?: number;
    readonly seed_count?: number;
    readonly shrinking_factor?: number;
  };
  readonly corpus: {
    readonly documents: number;
    /** Of UTF-8. */
    readonly bytes: number;
    /**
     * Over the documents in order, each as its length in bytes (8 bytes, little-endian) and its UTF-8; of counts that were
     * merged: over the hashes of the parts, sorted, a line each.
     */
    readonly sha256: string;
    /** What was left out because the disk budget was used up. */
    readonly pruned?: PrunedWords;
    readonly inputs: readonly CorpusInput[];
  };
  /** Special tokens that were added after training, with their ids. */
  readonly added_special_tokens?: Readonly<Record<string, number>>;
  readonly result: {
    readonly vocab_size: number;
    readonly merges: number;
    /** Of the text of `tokenizer.json`. */
    readonly sha256: string;
  };
}

export function tokenizerSha256(json: TokenizerJson): string {
  return createHash("sha256").update(serializeJson(json)).digest("hex");
}

/** @throws {TokenizerError} `TOKENIZER_MANIFEST_MISMATCH` if the manifest is of another `tokenizer.json` */
export function checkManifest(manifest: JsonObject, json: TokenizerJson): void {
  const { sha256 } = (manifest as Partial<TokenizerManifest>).result ?? {};
  const actual = tokenizerSha256(json);
  if (sha256 === actual) return;
  throw new TokenizerError(
    "TOKENIZER_MANIFEST_MISMATCH",
    `tokenizer_manifest.json: result.sha256: expected that of tokenizer.json, ${actual}, got ${JSON.stringify(sha256)}`,
    { help: "tokenizer.json was changed after training. If that was meant, delete tokenizer_manifest.json." },
  );
}
