/**
 * Writes what this package makes of the models in golden/formats, for check_formats.py to open:
 *
 *     node --conditions=@codex/source --import ./tools/jest/register-typescript.mjs tools/parity/tokenization/write_formats.ts FOLDER
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  jsonToSentencePiece,
  parseSentencePieceModel,
  sentencePieceToJson,
  serializeSentencePieceModel,
  tiktokenToJson,
} from "@codex/tokenization";

const golden = new URL("../../../packages/tokenization/test/golden/formats/", import.meta.url);
const folder = process.argv[2];
if (folder === undefined) throw new Error("expected a folder to write");
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(golden).filter((name) => name.endsWith(".model"))) {
  const { json, config } = sentencePieceToJson(parseSentencePieceModel(readFileSync(new URL(file, golden))));
  writeFileSync(join(folder, file.replace(".model", ".json")), JSON.stringify(json));
  writeFileSync(join(folder, file), serializeSentencePieceModel(jsonToSentencePiece(json, config)));
}
const { special } = JSON.parse(readFileSync(new URL("formats.json", golden), "utf8")).tiktoken;
const ranks = readFileSync(new URL("tiny.tiktoken", golden), "latin1");
for (const pattern of ["gpt2", "cl100k_base", "o200k_base"] as const) {
  writeFileSync(
    join(folder, `${pattern}.json`),
    JSON.stringify(tiktokenToJson(ranks, { pattern, specialTokens: special })),
  );
}
