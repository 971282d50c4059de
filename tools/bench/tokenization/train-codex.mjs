/**
 * Trains byte-level BPE on a corpus with `@codex/tokenization`, reading it document by document, and prints seconds, a hash of the merges and
 * peak memory as JSON. CODEX_TOKENIZER_NATIVE=0 for the TypeScript code.
 *
 *   node --conditions=... train-codex.mjs FOLDER CORPUS VOCAB_SIZE THREADS
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { trainByteLevelBpe } from "@codex/tokenization";

const [folder, corpus, vocabSize, threads] = process.argv.slice(2);
const lengths = JSON.parse(readFileSync(join(folder, `${corpus}.json`), "utf8"));

function* documents() {
  const file = openSync(join(folder, `${corpus}.txt`), "r");
  for (const length of lengths) {
    const bytes = Buffer.allocUnsafe(length);
    readSync(file, bytes, 0, length, null);
    yield bytes.toString("utf8");
  }
  closeSync(file);
}

const started = performance.now();
let counted = started;
const tokenizer = await trainByteLevelBpe(documents(), {
  vocabSize: Number(vocabSize),
  specialTokens: {},
  threads: Number(threads),
  onProgress: ({ phase }) => {
    if (phase === "count") counted = performance.now();
  },
});
const seconds = (performance.now() - started) / 1000;
const hash = createHash("sha256");
for (const [left, right] of tokenizer.toJSON().model.merges) hash.update(`${left} ${right}\n`);
const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
const countSeconds = (counted - started) / 1000;
console.log(JSON.stringify({ seconds, countSeconds, hash: hash.digest("hex"), peakMemoryBytes }));
