/**
 * Training of unigram vocabularies against SentencePiece and Hugging Face tokenizers: time, processor time, peak memory, and the tokens that the
 * vocabulary needs. After `npm run build`:
 *
 *   node tools/bench/tokenization/train-unigram.mjs [--megabytes 20] [--vocab-size 32000] [--implementations ...] [--rounds 1] [--minutes 10]
 *
 * Implementations take turns in one run, each in a process of its own that is given the lines of the same file, white space made single spaces.
 * CODEX_BENCH_PYTHON (or python3) imports tokenizers and sentencepiece.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeCorpus } from "./corpus.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(dirname(dirname(dirname(here))), ".cache", "bench", "tokenization");
const python = [process.env.CODEX_BENCH_PYTHON ?? "python3", join(here, "train_unigram_python.py")];
const codex = [process.execPath, join(here, "train-unigram-codex.mjs")];
const IMPLEMENTATIONS = {
  sentencepiece: { command: [...python, "sentencepiece"] },
  huggingface: { command: [...python, "huggingface"] },
  "codex-native": { command: codex },
  "codex-typescript": { command: codex, env: { CODEX_TOKENIZER_NATIVE: "0" } },
};

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "20" },
    "vocab-size": { type: "string", default: "32000" },
    implementations: { type: "string", default: Object.keys(IMPLEMENTATIONS).join() },
    rounds: { type: "string", default: "1" },
    minutes: { type: "string", default: "10" },
  },
});
writeCorpus("prose", folder);
const lines = readFileSync(join(folder, "prose.txt"))
  .subarray(0, 1e6 * Number(values.megabytes))
  .toString("utf8")
  .split("\n")
  .map((line) => line.trim().replace(/\s+/g, " "))
  .filter((line) => line !== "");
const file = join(folder, "unigram-lines.txt");
writeFileSync(file, `${lines.join("\n")}\n`);

console.log(`${cpus()[0]?.model}, ${cpus().length} processors, Node ${process.versions.node}`);
console.log(`${lines.length} lines, ${values.megabytes} MB, ${values["vocab-size"]} ids, 2 threads\n`);
console.log("implementation | seconds | processor seconds | peak memory, MB | tokens of the first 20,000 lines");
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of values.implementations.split(",")) {
    const { command, env } = IMPLEMENTATIONS[name];
    const result = join(folder, `unigram-${name}.json`);
    const args = [...command.slice(1), file, values["vocab-size"], result];
    const { status, stdout, stderr, error } = spawnSync(command[0], args, {
      encoding: "utf8",
      env: { ...process.env, ...env, RAYON_NUM_THREADS: "2", TOKENIZERS_PARALLELISM: "true" },
      timeout: 60_000 * Number(values.minutes),
    });
    if (status !== 0) {
      const reason =
        error?.code === "ETIMEDOUT" ? `not done after ${values.minutes} minutes` : stderr.trim().split("\n").at(-1);
      console.log(`${name} | ${reason}`);
      continue;
    }
    const { seconds, processorSeconds, peakMemoryBytes } = JSON.parse(stdout.trim().split("\n").at(-1));
    const counted = spawnSync(python[0], [python[1], "count", file, "20000", result], { encoding: "utf8" });
    const memory = (peakMemoryBytes / 1e6).toFixed(0);
    console.log(
      `${name} | ${seconds.toFixed(1)} | ${processorSeconds.toFixed(1)} | ${memory} | ${counted.stdout.trim()}`,
    );
  }
}
