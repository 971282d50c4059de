/**
 * Trains a unigram vocabulary on the lines of a file with `@codex/tokenization`, writes its tokenizer.json, and prints seconds and peak memory
 * as JSON. CODEX_TOKENIZER_NATIVE=0 for the TypeScript code.
 *
 *   node train-unigram-codex.mjs FILE VOCAB_SIZE RESULT
 */
import { createReadStream, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { trainUnigram } from "@codex/tokenization";

const [file, vocabSize, result] = process.argv.slice(2);
const started = performance.now();
const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
const { json } = await trainUnigram(lines, {
  vocabSize: Number(vocabSize),
  byteFallback: false,
  specialTokens: { unk: "<unk>" },
  threads: 2,
});
const seconds = (performance.now() - started) / 1000;
writeFileSync(result, JSON.stringify(json));
const { user, system } = process.cpuUsage();
const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ seconds, processorSeconds: (user + system) / 1e6, peakMemoryBytes }));
