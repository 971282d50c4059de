/**
 * Training of byte-level BPE against Hugging Face tokenizers: time and peak memory. After `npm run build`:
 *
 *   node tools/bench/tokenization/train.mjs [--corpus prose] [--vocab-size 32000] [--threads 2] [--implementations ...] [--rounds 3] [--json FILE]
 *
 * Implementations take turns in one run, each in a process of its own that reads the corpus document by document and trains once; the table has
 * the medians. Merges are compared first: one that gives others than the first is marked. CODEX_BENCH_PYTHON (or python3) imports tokenizers.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeCorpus } from "./corpus.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const repository = dirname(dirname(dirname(here)));
const folder = join(repository, ".cache", "bench", "tokenization");
const codex = [process.execPath, join(here, "train-codex.mjs")];
const IMPLEMENTATIONS = {
  huggingface: { command: [process.env.CODEX_BENCH_PYTHON ?? "python3", join(here, "train_python.py")] },
  "codex-native": { command: codex },
  "codex-typescript": { command: codex, env: { CODEX_TOKENIZER_NATIVE: "0" } },
};

const { values } = parseArgs({
  options: {
    corpus: { type: "string", default: "prose" },
    "vocab-size": { type: "string", default: "32000" },
    threads: { type: "string", default: "2" },
    implementations: { type: "string", default: Object.keys(IMPLEMENTATIONS).join() },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
  },
});
const { bytes } = writeCorpus(values.corpus, folder);
const names = values.implementations.split(",");
const runs = Object.fromEntries(names.map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of names) {
    const { command, env } = IMPLEMENTATIONS[name];
    const args = [...command.slice(1), folder, values.corpus, values["vocab-size"], values.threads];
    const { status, stdout, stderr } = spawnSync(command[0], args, {
      encoding: "utf8",
      env: { ...process.env, ...env },
    });
    if (status !== 0) throw new Error(`${name}: ${stderr.trim().split("\n").at(-1)}`);
    runs[name].push(JSON.parse(stdout));
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[(numbers.length - 1) >> 1];
console.log(`${cpus()[0]?.model}, ${cpus().length} processors, Node ${process.versions.node}`);
console.log(
  `${values.corpus}, ${(bytes / 1e6).toFixed(1)} MB, ${values["vocab-size"]} ids, ${values.threads} threads\n`,
);
console.log("implementation | seconds (all rounds) | MB/s | peak memory, MB");
const expected = runs[names[0]][0].hash;
const rows = names.map((name) => {
  const seconds = runs[name].map((run) => run.seconds);
  const row = {
    task: "train-bpe",
    corpus: values.corpus,
    tokenizer: `gpt2-${values["vocab-size"]}`,
    implementation: name,
    threads: name === "codex-typescript" ? 1 : Number(values.threads),
    megabytesPerSecond: bytes / 1e6 / median(seconds),
    peakMemoryBytes: median(runs[name].map((run) => run.peakMemoryBytes)),
  };
  const marked = runs[name].every(({ hash }) => hash === expected) ? name : `${name} (other merges)`;
  const all = seconds.map((one) => one.toFixed(2)).join(" ");
  const memory = (row.peakMemoryBytes / 1e6).toFixed(0);
  console.log(`${marked} | ${median(seconds).toFixed(2)} (${all}) | ${row.megabytesPerSecond.toFixed(1)} | ${memory}`);
  return row;
});
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
