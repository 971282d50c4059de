/**
 * Tokenizes a folder through the cache and reads training batches over the whole of it, measuring its own memory. A program
 * of its own, because the memory of a test runner says nothing. Usage: measure-memory.ts <text folder> <cache folder>
 */
import { writeFileSync } from "node:fs";
import { createBatchSource, createCorpus, createTextSource, tokenizeCorpus } from "@codex/data";

const [textFolder, cacheFolder, resultFile] = process.argv.slice(2) as [string, string, string];

let peakBytes = 0;
const sample = () => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
};
sample();
const startBytes = peakBytes;

const encoder = { encode: (text: string) => Buffer.from(text, "utf8"), vocabSize: 256, tokenByteLength: () => 1 };
const corpus = createCorpus(createTextSource({ path: textFolder }), {
  split: { kind: "contiguous", validation: 0.1 },
});
const tokens = await tokenizeCorpus(corpus, encoder, {
  cache: { directory: cacheFolder, tokenizerHash: "bytes" },
  onProgress: sample,
});
const tokenizedPeakBytes = peakBytes;
const source = createBatchSource(tokens.splits.train, { sequenceLength: 512, seed: 1 });
let targets = 0;
for (let at = 0; at < source.samplesPerEpoch; at += 32) {
  targets += source.batch(0, at, 32).byteCount!;
  if (at % 1024 === 0) sample();
}
sample();
writeFileSync(
  resultFile,
  JSON.stringify({ startBytes, tokenizedPeakBytes, peakBytes, targets, splits: tokens.manifest.splits }),
);
tokens.close();
