/** Fixtures of Hugging Face tokenizers; made by tools/parity/tokenization/make_pipeline_fixtures.py. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type FullEncoding, type PipelineTokenizer, parseTokenizer } from "@codex/tokenization";

/** Offsets alternate: start and end of each token, in code points. */
export interface Columns {
  ids: number[];
  tokens: string[];
  offsets: number[];
  words: (number | null)[];
}

export interface ShapeCase extends Columns {
  types: number[];
  special: number[];
  decoded: string;
}

export interface Shape {
  name: string;
  json: { normalizer: unknown; model: { [field: string]: unknown }; [field: string]: unknown };
  texts: string[];
  cases: ShapeCase[];
}

export interface Components {
  texts: string[];
  components: { name: string; normalizer: unknown; pre_tokenizer: unknown; cases: [string[], number[]][] }[];
}

export interface DecoderCase {
  decoder: { type: string } | null;
  model: { vocab: { [token: string]: number } };
  lists: number[][];
  texts: (string | null)[];
}

export interface Row extends Columns {
  types: number[];
  special: number[];
  attention: number[];
  overflowing: Row[];
}

export interface RowCase {
  post_processor: unknown;
  truncation: { max_length: number; stride: number; strategy: string; direction: string } | null;
  padding: { [option: string]: unknown } | null;
  addSpecialTokens: boolean;
  rows: (Row | null)[];
  batch: number[][] | null;
}

function read(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`../golden/pipeline/${name}`, import.meta.url)));
}

export function golden<Content>(name: string): Content {
  return JSON.parse(read(name).toString("utf8")) as Content;
}

/** SentencePiece's nmt_nfkc, as a file has it. */
export function charsMap(): string {
  return read("nmt-nfkc.bin.gz").toString("base64");
}

/** Puts the character map where the fixture names its file. */
export function withCharsMap<Value>(value: Value): Value {
  const text = JSON.stringify(value);
  return (
    text.includes("nmt-nfkc.bin.gz") ? JSON.parse(text.replaceAll("nmt-nfkc.bin.gz", charsMap())) : value
  ) as Value;
}

/** `parseTokenizer`, of a file that is for the general pipeline or the byte-level fast path. */
export function parse(json: object): PipelineTokenizer {
  return parseTokenizer({ version: "1.0", added_tokens: [], ...json }) as PipelineTokenizer;
}

export function columns(encoding: FullEncoding): Columns {
  return {
    ids: Array.from(encoding.ids),
    tokens: [...encoding.tokens],
    offsets: encoding.offsets.flat(),
    words: [...encoding.wordIds],
  };
}
