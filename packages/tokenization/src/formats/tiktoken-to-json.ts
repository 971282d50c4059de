import { bytesToToken } from "../byte-alphabet.ts";
import { byteLevelJson } from "../byte-level-json.ts";
import { TokenizerError } from "../errors.ts";
import { type PieceScannerName, PRE_TOKENIZER_BY_PATTERN } from "../pre-tokenizer.ts";
import type { TokenizerJson } from "../tokenizer-json.ts";
import { tokenCuts } from "./token-cuts.ts";

/** What a rank file does not say. */
export interface TiktokenOptions {
  /** How text is cut before pairs merge: a name, or a regular expression of its own. */
  readonly pattern: TiktokenPatternName | { readonly regex: string };
  /** Ids of special tokens; those of the ranks and one another are taken. */
  readonly specialTokens?: Readonly<Record<string, number>>;
}

export type TiktokenPatternName = "gpt2" | "cl100k_base" | "o200k_base";

const patternOf = (name: PieceScannerName): string => [...PRE_TOKENIZER_BY_PATTERN].find(([, one]) => one === name)![0];

/**
 * The expressions, as files on the Hugging Face Hub spell them. Since 0.9 tiktoken spells `cl100k_base` so that line breaks and the blanks after them at
 * the very end of a text stay one piece; with this one they are two, as in Llama 3 and in what transformers converts.
 */
export const TIKTOKEN_PATTERNS: Readonly<Record<TiktokenPatternName, string>> = {
  gpt2: patternOf("gpt2"),
  cl100k_base: patternOf("llama3"),
  o200k_base: patternOf("o200k"),
};

/** Whether text looks like a rank file: base64, a space, a rank. */
export function isTiktoken(text: string): boolean {
  return /^[A-Za-z0-9+/]+={0,2} \d+\r?(\n|$)/.test(text.slice(0, 2000));
}

/** Tokens of a rank file by rank, in the byte alphabet. @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, with the line */
export function parseTiktokenRanks(text: string): Map<string, number> {
  const ranks = new Map<string, number>();
  const taken = new Set<number>();
  text.split("\n").forEach((row, index) => {
    const line = row.endsWith("\r") ? row.slice(0, -1) : row;
    if (line === "") return;
    const space = line.indexOf(" ");
    const [base64, digits] = [line.slice(0, space), line.slice(space + 1)];
    const bytes = Buffer.from(base64, "base64");
    const rank = Number(digits);
    const token = bytesToToken(bytes);
    const isWhole = space > 0 && bytes.toString("base64") === base64 && /^\d+$/.test(digits) && rank < 2 ** 26;
    if (!isWhole || ranks.has(token) || taken.has(rank)) {
      const expected = isWhole ? "a token and a rank that no line before has" : "a token in base64, a space and a rank";
      throw new TokenizerError(
        "TOKENIZER_FILE_INVALID",
        `tiktoken file: line ${index + 1}: expected ${expected}, got ${JSON.stringify(line.slice(0, 80))}`,
      );
    }
    ranks.set(token, rank);
    taken.add(rank);
  });
  return ranks;
}

/**
 * A tiktoken rank file as a `tokenizer.json` with the ids of tiktoken: any two neighbours merge whose union has a rank, the lowest first, so
 * that every way to cut a token is a merge; a piece that is a token stays whole.
 *
 * @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED`, `TOKENIZER_OPTIONS_INVALID`, `TOKENIZER_SPECIAL_TOKEN_CONFLICT`
 */
export function tiktokenToJson(text: string, { pattern, specialTokens = {} }: TiktokenOptions): TokenizerJson {
  const byRank = [...parseTiktokenRanks(text)].sort((a, b) => a[1] - b[1]);
  const ranks = new Map(byRank);
  refuseConflicts(ranks, specialTokens);
  const tokens = byRank.map(([token]) => token);
  const merges = tokenCuts(tokens, (token) => token.split(""), ranks).map(
    ({ left, right }) => [left, right] as [string, string],
  );
  const base = byteLevelJson({
    // In the vocabulary too: Hugging Face tokenizers gives added tokens that are not in it the next free ids.
    vocab: [...byRank, ...Object.entries(specialTokens)],
    merges,
    preTokenizer: "none",
    specialTokens: Object.entries(specialTokens).map(([content, id]) => ({ content, id })),
  });
  return { ...base, pre_tokenizer: preTokenizer(pattern), model: { ...base.model, ignore_merges: true } };
}

function preTokenizer(pattern: TiktokenOptions["pattern"]): object {
  if (typeof pattern === "string" && !Object.hasOwn(TIKTOKEN_PATTERNS, pattern)) {
    throw new TokenizerError(
      "TOKENIZER_OPTIONS_INVALID",
      `pattern: expected ${Object.keys(TIKTOKEN_PATTERNS).join(", ")} or { regex }, got ${JSON.stringify(pattern)}`,
    );
  }
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: pattern === "gpt2" };
  if (pattern === "gpt2") return byteLevel;
  const regex = typeof pattern === "string" ? TIKTOKEN_PATTERNS[pattern] : pattern.regex;
  const split = { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false };
  return { type: "Sequence", pretokenizers: [split, byteLevel] };
}

function refuseConflicts(ranks: ReadonlyMap<string, number>, specialTokens: Readonly<Record<string, number>>): void {
  const taken = new Map([...ranks].map(([token, rank]) => [rank, token]));
  for (const [token, id] of Object.entries(specialTokens)) {
    if (!Number.isInteger(id) || id < 0 || id >= 2 ** 26) {
      throw new TokenizerError(
        "TOKENIZER_OPTIONS_INVALID",
        `specialTokens: ${token}: expected an integer from 0 to 2^26 - 1, got ${id}`,
      );
    }
    const other = taken.get(id);
    if (other !== undefined || ranks.has(token)) {
      throw new TokenizerError(
        "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
        `specialTokens: ${token}: expected a name and an id of its own, got the id ${id}${other === undefined ? "" : ` of ${other}`}`,
      );
    }
    taken.set(id, token);
  }
}
