import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { TokenizerError } from "../errors.ts";
import type { JsonObject } from "../json-reader.ts";
import { atPath } from "../tokenizer-files.ts";
import type { TokenizerJson } from "../tokenizer-json.ts";
import { parseSentencePieceModel, type SentencePieceSample } from "./sentencepiece-model.ts";
import { sentencePieceToJson } from "./sentencepiece-to-json.ts";
import { isTiktoken, type TiktokenOptions, tiktokenToJson } from "./tiktoken-to-json.ts";

/** A tokenizer of another format as the files of this one. */
export interface ForeignTokenizer {
  readonly path: string;
  readonly format: "sentencepiece" | "tiktoken";
  readonly json: TokenizerJson;
  readonly config: JsonObject;
  /** Of a SentencePiece model: what it should do. */
  readonly samples: readonly SentencePieceSample[];
}

/**
 * Reads a SentencePiece `.model` or a tiktoken rank file, or the one of them that a directory without a `tokenizer.json` holds.
 *
 * @returns undefined where there is neither
 * @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED`; `TOKENIZER_OPTIONS_INVALID` for a rank file without `tiktoken`
 */
export async function readForeignTokenizer(
  directoryOrFile: string,
  tiktoken: TiktokenOptions | undefined,
): Promise<ForeignTokenizer | undefined> {
  const path = await atPath(directoryOrFile, () => foreignFile(directoryOrFile));
  return path === undefined ? undefined : atPath(path, () => readFormat(path, tiktoken));
}

async function readFormat(path: string, tiktoken: TiktokenOptions | undefined): Promise<ForeignTokenizer> {
  const bytes = await readFile(path);
  if (isTiktoken(bytes.toString("latin1", 0, 4096))) {
    if (tiktoken === undefined) {
      throw new TokenizerError(
        "TOKENIZER_OPTIONS_INVALID",
        "a tiktoken rank file: expected its pattern, which the file does not say",
        {
          help: "Name it (gpt2, cl100k_base, o200k_base) or give the expression, and its special tokens with their ids.",
        },
      );
    }
    const config = { clean_up_tokenization_spaces: false, tokenizer_class: "PreTrainedTokenizerFast" };
    return { path, format: "tiktoken", json: tiktokenToJson(bytes.toString("latin1"), tiktoken), config, samples: [] };
  }
  const model = parseSentencePieceModel(bytes);
  return { path, format: "sentencepiece", ...sentencePieceToJson(model), samples: model.samples };
}

/** The file that is meant, if it is of another format. */
async function foreignFile(directoryOrFile: string): Promise<string | undefined> {
  const entry = await stat(directoryOrFile).catch(() => undefined);
  if (entry === undefined) return undefined;
  if (!entry.isDirectory()) return FOREIGN.test(directoryOrFile) ? directoryOrFile : undefined;
  const names = await readdir(directoryOrFile);
  const found = names.filter((name) => FOREIGN.test(name));
  if (names.includes("tokenizer.json") || found.length === 0) return undefined;
  if (found.length > 1) {
    throw new TokenizerError("TOKENIZER_FILE_INVALID", `expected one tokenizer, found ${found.sort().join(", ")}`, {
      help: "Name the file.",
    });
  }
  if (names.includes("added_tokens.json")) {
    throw new TokenizerError(
      "TOKENIZER_UNSUPPORTED",
      `added_tokens.json: supported are the tokens of ${basename(found[0]!)}`,
      {
        help: "Save it with transformers as a tokenizer.json, which has all tokens.",
      },
    );
  }
  return join(directoryOrFile, found[0]!);
}

const FOREIGN = /\.(model|tiktoken)$/;
