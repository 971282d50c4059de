/** Trains with `@codex/tokenization` and prints seconds, peak memory and a hash of what was learned. CODEX_TOKENIZER_NATIVE=0 for the TypeScript code. */
import { createHash } from "node:crypto";
import { createReadStream, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { trainByteLevelBpe, trainUnigram, trainWordPiece } from "@codex/tokenization";
import { documentsOf } from "../corpora/documents.mjs";

const { task, folder, corpus, megabytes, vocabSize, threads, lines, result } = JSON.parse(process.argv[2]);
const documents = () => documentsOf(folder, corpus, megabytes * 1e6);

const TASKS = {
  async "train-bpe"() {
    const tokenizer = await trainByteLevelBpe(documents(), { vocabSize, threads, specialTokens: {} });
    return tokenizer.toJSON();
  },
  async "train-wordpiece"() {
    const { json } = await trainWordPiece(documents(), { vocabSize, threads, preTokenizer: "bert-uncased" });
    return json;
  },
  async "train-unigram"() {
    const text = createInterface({ input: createReadStream(lines), crlfDelay: Number.POSITIVE_INFINITY });
    const { json } = await trainUnigram(text, {
      vocabSize,
      threads,
      byteFallback: false,
      specialTokens: { unk: "<unk>" },
    });
    return json;
  },
};

const started = performance.now();
const json = await TASKS[task]();
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage();
const hash = createHash("sha256");
if (task === "train-bpe") for (const [left, right] of json.model.merges) hash.update(`${left}${right}\n`);
else for (const token of Object.keys(json.model.vocab).sort()) hash.update(`${token}\n`);
writeFileSync(result, JSON.stringify(json));
const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
console.log(
  JSON.stringify({ seconds, processorSeconds: (user + system) / 1e6, hash: hash.digest("hex"), peakMemoryBytes }),
);
