/** Byte-level BPE in `tokenizer.json`: reading its parts, and writing the whole file. */

import { byteToCharacter, tokenToBytes } from "./byte-alphabet.ts";
import { TokenizerError } from "./errors.ts";
import { asArray, asFlag, asObject, invalid, isObject, type JsonObject } from "./json-reader.ts";
import { DROPPED } from "./merge-table.ts";
import {
  type PieceScannerName,
  PRE_TOKENIZER_BY_PATTERN,
  type PreTokenizerName,
  SPLIT_PATTERNS,
} from "./pre-tokenizer.ts";
import { specialAddedTokens } from "./special-tokens.ts";
import { type AddedToken, type TokenizerJson, unsupported } from "./tokenizer-json.ts";
import { encodeUtf8 } from "./utf8.ts";

const SUPPORTED =
  "ByteLevel, or a Sequence of Split (with the expression of gpt2, llama3, qwen2 or o200k) and ByteLevel";

/** `ByteLevel`, or `Sequence` of `Split` and `ByteLevel` without an expression of its own (Llama 3). */
export function readPreTokenizer(value: unknown): PieceScannerName {
  const where = "tokenizer.json: pre_tokenizer";
  const steps =
    isObject(value) && value.type === "Sequence" ? asArray(value.pretokenizers, `${where}.pretokenizers`) : [value];
  let name: PieceScannerName = "none";
  steps.forEach((step, index) => {
    if (step === null || step === undefined) throw unsupported("pre_tokenizer", SUPPORTED, null);
    const { type, ...options } = asObject(step, where);
    const last = index === steps.length - 1;
    if (type === "ByteLevel" && last && options.add_prefix_space === false) {
      if (asFlag(options.use_regex, `${where}.use_regex`, true)) {
        // Its expression cuts the pieces of the Split before it further, where there is one.
        if (name !== "none") throw unsupported("pre_tokenizer", SUPPORTED, value);
        name = "gpt2";
      }
      return;
    }
    const pattern = isObject(options.pattern) ? options.pattern.Regex : undefined;
    const known = typeof pattern === "string" ? PRE_TOKENIZER_BY_PATTERN.get(pattern) : undefined;
    if (
      type !== "Split" ||
      last ||
      name !== "none" ||
      known === undefined ||
      options.invert === true ||
      options.behavior !== "Isolated"
    ) {
      throw unsupported("pre_tokenizer", SUPPORTED, step);
    }
    name = known;
  });
  return name;
}

function writePreTokenizer(name: PreTokenizerName): JsonObject {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: name === "gpt2" };
  const pattern = SPLIT_PATTERNS.get(name);
  if (pattern === undefined) return byteLevel;
  return {
    type: "Sequence",
    pretokenizers: [{ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false }, byteLevel],
  };
}

/**
 * Left id, right id and result for each rank, as `BpeTables` has them. A merge that would make a special token is left out: text must never
 * become one.
 */
export function mergeTable(
  merges: readonly (readonly [string, string])[],
  vocab: ReadonlyMap<string, number>,
  isSpecial: (id: number) => boolean,
): Uint32Array {
  const table = new Uint32Array(3 * merges.length);
  merges.forEach(([left, right], rank) => {
    const ids = [left, right, left + right].map((token) => {
      const id = vocab.get(token);
      return id ?? invalid(`tokenizer.json: model.merges[${rank}]`, "tokens that model.vocab has", token);
    });
    table.set(ids, 3 * rank);
    if (isSpecial(ids[2]!)) table[3 * rank] = DROPPED;
  });
  return table;
}

/** The bytes of each token, by id. */
export function tokenByteList(
  vocab: ReadonlyMap<string, number>,
  addedTokens: readonly AddedToken[],
): (Uint8Array | undefined)[] {
  const list: (Uint8Array | undefined)[] = [];
  for (const [token, id] of vocab) list[id] = tokenToBytes(token) ?? encodeUtf8(token);
  for (const { content, id } of addedTokens) list[id] = encodeUtf8(content);
  return Array.from(list);
}

/** @param parts.tokens - by id, in the byte alphabet, without the special ones */
export function byteLevelJson(parts: {
  vocab: Iterable<readonly [string, number]>;
  merges: readonly (readonly [string, string])[];
  preTokenizer: PreTokenizerName;
  specialTokens: readonly { content: string; id: number }[];
}): TokenizerJson {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialAddedTokens(parts.specialTokens),
    normalizer: null,
    pre_tokenizer: writePreTokenizer(parts.preTokenizer),
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries([...parts.vocab].sort((a, b) => a[1] - b[1])),
      merges: parts.merges,
    },
  };
}

/** @throws {TokenizerError} `TOKENIZER_SPECIAL_TOKEN_CONFLICT` for a special token that is named like a byte */
export function refuseByteNames(specialTokens: readonly string[]): void {
  const taken = specialTokens.find((token) => token.length === 1 && tokenToBytes(token) !== undefined);
  if (taken === undefined) return;
  throw new TokenizerError(
    "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
    `specialTokens: expected names that no byte has, got ${JSON.stringify(taken)}`,
    { help: "Choose a longer one, such as <|endoftext|>." },
  );
}

/** Names of the 256 single-byte tokens, given their ids. */
export function byteVocab(idOf: (byte: number) => number): [string, number][] {
  return Array.from({ length: 256 }, (_, byte) => [byteToCharacter(byte), idOf(byte)]);
}
