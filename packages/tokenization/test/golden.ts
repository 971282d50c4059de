/** Fixtures of Hugging Face tokenizers; made by tools/parity/tokenization/make_fixtures.py. */
import { readFileSync } from "node:fs";

export interface Case {
  text: string;
  /** Ids with special tokens found in the text. */
  all: number[];
  /** Ids with special tokens read as text, where they differ. */
  none?: number[];
  decoded: string;
}

export interface TrainedCase {
  preTokenizer: "gpt2" | "llama3" | "qwen2";
  corpus: string[];
  vocabSize: number;
  minFrequency: number;
  special: string[];
  merges: string[];
  resultSize: number;
  cases: Case[];
  decodings: { ids: number[]; text: string }[];
}

export interface HubCase {
  name: string;
  json: { [field: string]: unknown };
  cases: Case[];
}

export function golden<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`./golden/${name}`, import.meta.url), "utf8")) as Content;
}

/** What tokenizers and transformers made of the files in golden/ours; made by check_ours.py. */
export interface OursGolden {
  ours: Record<
    string,
    { vocabSize: number; roles: Record<string, number>; cases: (Required<Case> & { none: number[] })[] }
  >;
}
