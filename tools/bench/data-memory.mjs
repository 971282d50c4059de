/**
 * Prepares a large corpus with the byte tokenizer, reads every training batch of an epoch, trains a few steps on it, and says how much
 * memory that took. The text is Tiny Shakespeare and the declaration files of TypeScript over and over, with numbers in between. It is
 * written below the temporary directory (or --directory) and deleted in the end; 4 GB of text take about 13 GB of disk.
 * usage: node tools/bench/data-memory.mjs [--gigabytes 4] [--steps 50] [--directory DIR]   (the packages must be built)
 */
import { createWriteStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import { createBatchSource, createCorpus, createTextSource, tokenizeCorpus } from "@codex/data";
import { createModel } from "@codex/models";
import { selectDevice } from "@codex/tensor";
import { createAdamW, train } from "@codex/training";

const { values } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "4" },
    steps: { type: "string", default: "50" },
    directory: { type: "string", default: tmpdir() },
  },
});
const textBytes = Number(values.gigabytes) * 1e9;
const { bavail, bsize } = statfsSync(values.directory);
if (bavail * bsize < 3.5 * textBytes) {
  console.error(
    `${values.directory}: expected ${(3.5 * textBytes) / 1e9} GB of free disk, there are ${(bavail * bsize) / 1e9}`,
  );
  process.exit(4);
}

const megabytes = (bytes) => Math.round(bytes / 1e6);
const peakMegabytes = () => megabytes(process.resourceUsage().maxRSS * 1024);
const report = [];
async function measure(what, action) {
  const start = performance.now();
  const result = await action();
  report.push({
    what,
    seconds: Number(((performance.now() - start) / 1000).toFixed(1)),
    peakResidentMegabytes: peakMegabytes(),
  });
  console.log(JSON.stringify(report.at(-1)));
  return result;
}

const folder = mkdtempSync(join(values.directory, "codex-data-memory-"));
try {
  mkdirSync(join(folder, "text"));
  const bytes = await measure("write the text", () => writeText(join(folder, "text", "corpus.txt")));
  const encoder = { encode: (text) => Buffer.from(text, "utf8"), vocabSize: 256, tokenByteLength: () => 1 };
  const corpus = createCorpus(createTextSource({ path: join(folder, "text") }), {
    split: { kind: "contiguous", validation: 0.01 },
  });
  const cache = { directory: join(folder, "cache"), tokenizerHash: "bytes" };
  const prepare = () => tokenizeCorpus(corpus, encoder, { cache });
  (await measure("prepare: hash, split, tokenize, write shards", prepare)).close();
  const tokens = await measure("prepare again: the cache is checked and used", prepare);
  const data = createBatchSource(tokens.splits.train, { sequenceLength: 256, seed: 1 });
  await measure("read every batch of an epoch, shuffled", () => {
    let targets = 0;
    for (let at = 0; at < data.samplesPerEpoch; at += 64) targets += data.batch(0, at, 64).byteCount;
    if (targets !== tokens.splits.train.length - 1) throw new Error(`expected every target once, got ${targets}`);
  });
  const selection = await selectDevice("auto", { projectDirectory: process.cwd() });
  const model = createModel(
    {
      modelType: "gpt2",
      vocabSize: 256,
      hiddenSize: 64,
      numHiddenLayers: 2,
      numAttentionHeads: 2,
      maxPositionEmbeddings: 256,
    },
    { seed: 1 },
  );
  const losses = [];
  const options = {
    maxSteps: Number(values.steps),
    batchSize: 8,
    learningRate: 1e-3,
    schedule: "constant",
    evaluationEverySteps: 0,
  };
  const onEvent = (event) => event.type === "step" && losses.push(event.lossNats);
  await measure(`train ${values.steps} steps on ${selection.device}`, () =>
    train({ model, optimizer: createAdamW({}), data, seed: 1, options, onEvent }),
  );
  console.log(
    JSON.stringify({
      textBytes: bytes,
      trainTokens: tokens.splits.train.length,
      firstLoss: losses[0],
      lastLoss: losses.at(-1),
    }),
  );
  console.log(`${process.version}, ${cpus()[0].model}, ${cpus().length} logical processors`);
  tokens.close();
} finally {
  rmSync(folder, { recursive: true });
}

async function writeText(path) {
  const shakespeare = readFileSync(new URL("../../examples/data/tinyshakespeare/input.txt", import.meta.url), "utf8");
  const lib = new URL("../../node_modules/typescript/lib/", import.meta.url);
  const declarations = readdirSync(lib)
    .filter((name) => /^lib\..*\.d\.ts$/.test(name))
    .sort();
  const all = shakespeare + declarations.map((name) => readFileSync(new URL(name, lib), "utf8")).join("\n");
  const text = Buffer.from(all.replaceAll(/[^\n -~]/g, " ")); // ASCII, so that it can be cut anywhere
  const file = createWriteStream(path);
  let bytes = 0;
  // A mark every 100 kB, so that no stretch of the text is the same as another and none is left out as a duplicate.
  for (let part = 0; bytes < textBytes; part++) {
    const from = (part * 100_000) % text.length;
    const chunk = Buffer.concat([Buffer.from(`\nPart ${part}.\n`), text.subarray(from, from + 100_000)]);
    bytes += chunk.length;
    if (!file.write(chunk)) await new Promise((resolve) => file.once("drain", resolve));
  }
  file.end();
  await finished(file);
  return bytes;
}
