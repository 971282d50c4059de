import { tokenToBytes } from "../byte-alphabet.ts";
import { TokenizerError } from "../errors.ts";
import { isObject, type JsonObject } from "../json-reader.ts";
import { asTokenizerJson, readAddedTokens, readMerges, readVocab } from "../tokenizer-json.ts";
import { rankObstacle } from "./rank-merges.ts";
import { TIKTOKEN_PATTERNS } from "./tiktoken-to-json.ts";
import { tokenCuts } from "./token-cuts.ts";

/** A rank file, and what stands beside it in a program that uses tiktoken. */
export interface TiktokenFile {
  /** Base64, a space and a rank per line. */
  readonly text: string;
  /** `pat_str` */
  readonly pattern: string;
  readonly specialTokens: Readonly<Record<string, number>>;
}

/**
 * A byte-level BPE `tokenizer.json` as a tiktoken rank file with the same ids. Pattern and special tokens have no place in the file: they are
 * given beside it.
 *
 * @throws {TokenizerError} `TOKENIZER_EXPORT_IMPOSSIBLE`, with the field that has no place in the format; `TOKENIZER_FILE_INVALID`
 */
export function jsonToTiktoken(value: unknown): TiktokenFile {
  const json = asTokenizerJson(value);
  const { model } = json;
  requireValue(model.type === "BPE", "model.type", "BPE", model.type);
  for (const field of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]) {
    requireValue([null, "", 0].includes((model[field] ?? null) as null), `model.${field}`, "null", model[field]);
  }
  requireValue(model.byte_fallback !== true, "model.byte_fallback", "false", true);
  requireValue((json.normalizer ?? null) === null, "normalizer", "null", json.normalizer);
  requireValue(isObject(json.decoder) && json.decoder.type === "ByteLevel", "decoder.type", "ByteLevel", json.decoder);
  const post = json.post_processor ?? null;
  requireValue(
    post === null || (isObject(post) && post.type === "ByteLevel"),
    "post_processor",
    "null or ByteLevel",
    post,
  );
  const pattern = patternOf(json.pre_tokenizer);

  const vocab = readVocab(model);
  const specialTokens: Record<string, number> = {};
  for (const [index, token] of readAddedTokens(json, vocab, ["single_word", "lstrip", "rstrip"]).entries()) {
    requireValue(token.special, `added_tokens[${index}].special`, "true", false);
    specialTokens[token.content] = token.id;
  }
  const ranks = [...vocab].filter(([token]) => !Object.hasOwn(specialTokens, token)).sort((a, b) => a[1] - b[1]);
  const tokens = ranks.map(([token]) => token);
  const lines = ranks.map(([token, rank]) => {
    const bytes = tokenToBytes(token);
    if (bytes === undefined) throw impossible(`token ${JSON.stringify(token)}: expected bytes in the byte alphabet`);
    return `${Buffer.from(bytes).toString("base64")} ${rank}\n`;
  });
  const singles = tokens.filter((token) => token.length === 1).length;
  requireValue(singles === 256, "model.vocab", "a token for each of the 256 bytes", singles);
  const split = (token: string): string[] => token.split("");
  const rebuilt = tokenCuts(tokens, split, new Map(ranks)).map(({ left, right }) => [left, right] as const);
  const obstacle = rankObstacle({ tokens, merges: readMerges(model), split, rebuilt });
  if (obstacle !== undefined) throw impossible(obstacle);
  return { text: lines.join(""), pattern, specialTokens };
}

function patternOf(preTokenizer: unknown): string {
  const expected = "ByteLevel, or a Sequence of one Split by a Regex and ByteLevel, without a prefix space";
  const steps =
    isObject(preTokenizer) && Array.isArray(preTokenizer.pretokenizers) ? preTokenizer.pretokenizers : [preTokenizer];
  const [first, second, ...more] = steps as JsonObject[];
  const isByteLevel = (step: JsonObject | undefined, usesRegex: boolean): boolean =>
    isObject(step) &&
    step.type === "ByteLevel" &&
    step.add_prefix_space === false &&
    (step.use_regex !== false) === usesRegex;
  if (second === undefined && isByteLevel(first, true)) return TIKTOKEN_PATTERNS.gpt2;
  if (second === undefined && isByteLevel(first, false)) return "[\\s\\S]+";
  const pattern =
    isObject(first) && first.type === "Split" && isObject(first.pattern) ? first.pattern.Regex : undefined;
  const isSplit = typeof pattern === "string" && first!.behavior === "Isolated" && first!.invert !== true;
  if (isSplit && isByteLevel(second, false) && more.length === 0) return pattern;
  throw impossible(`pre_tokenizer: expected ${expected}, got ${JSON.stringify(preTokenizer ?? null).slice(0, 200)}`);
}

function requireValue(holds: boolean, field: string, expected: string, value: unknown): void {
  if (!holds) throw impossible(`${field}: expected ${expected}, got ${JSON.stringify(value ?? null).slice(0, 200)}`);
}

function impossible(message: string): TokenizerError {
  return new TokenizerError("TOKENIZER_EXPORT_IMPOSSIBLE", `tiktoken: ${message}`);
}
