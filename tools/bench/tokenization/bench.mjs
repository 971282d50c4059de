/**
 * `npm run bench:tokenization`: encoding with byte-level BPE on one thread, against Hugging Face tokenizers and tiktoken.
 *
 *   npm run bench:tokenization -- [--corpora english,code,...] [--tokenizers gpt2,llama3] [--implementations ...] [--rounds 3] [--json FILE]
 *
 * Implementations take turns in one run, each in a process of its own that encodes the corpus as often as `--repeats` says and counts its
 * best time; the table has the medians of the rounds. Ids are compared first: one that gives others than Hugging Face tokenizers is marked.
 * CODEX_BENCH_PYTHON (or python3) has to import tokenizers, tiktoken and numpy.
 */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CORPORA, writeCorpus } from "./corpus.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const repository = dirname(dirname(dirname(here)));
const folder = join(repository, ".cache", "bench", "tokenization");
const TIMEOUT = 180_000;
const python = process.env.CODEX_BENCH_PYTHON ?? "python3";

const IMPLEMENTATIONS = {
  huggingface: (...args) => [python, [join(here, "encode_python.py"), "huggingface", ...args]],
  tiktoken: (...args) => [python, [join(here, "encode_python.py"), "tiktoken", ...args]],
  "codex-native": (...args) => [process.execPath, codex(args)],
  "codex-typescript": (...args) => [process.execPath, codex(args), { CODEX_TOKENIZER_NATIVE: "0" }],
};

function codex(args) {
  const sources = [
    "--conditions=@codex/source",
    "--import",
    join(repository, "tools", "jest", "register-typescript.mjs"),
  ];
  return [...sources, join(here, "encode-codex.mjs"), ...args];
}

/** @returns what the process printed, or `{ reason }` */
function measure(implementation, tokenizer, corpus, repeats) {
  const [command, args, env] = IMPLEMENTATIONS[implementation](folder, tokenizer, corpus, repeats);
  const { status, signal, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    cwd: repository,
    timeout: TIMEOUT,
  });
  if (status === 0) return JSON.parse(stdout);
  return { reason: signal === null ? (stderr.trim().split("\n").at(-1) ?? "") : `longer than ${TIMEOUT / 1000} s` };
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length % 2 === 1
    ? sorted[sorted.length >> 1]
    : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
}

const { values } = parseArgs({
  options: {
    corpora: { type: "string", default: CORPORA.join() },
    tokenizers: { type: "string", default: "gpt2,llama3" },
    implementations: { type: "string", default: Object.keys(IMPLEMENTATIONS).join() },
    rounds: { type: "string", default: "3" },
    repeats: { type: "string", default: "2" },
    json: { type: "string" },
  },
});
const corpora = values.corpora.split(",").map((name) => ({ name, ...writeCorpus(name, folder) }));
if (!existsSync(join(folder, "llama3.tiktoken.json"))) {
  const gathered = ["english", "code", "cjk"];
  for (const name of gathered) writeCorpus(name, folder);
  console.error("training the tokenizers to measure with ...");
  const { status } = spawnSync(python, [join(here, "train_tokenizers.py"), folder, ...gathered], { stdio: "inherit" });
  if (status !== 0) throw new Error(`${python} cannot train: set CODEX_BENCH_PYTHON to one that imports tokenizers`);
}

console.log(`${cpus()[0]?.model}, ${cpus().length} processors, Node ${process.versions.node}, one thread, MB/s\n`);
const implementations = values.implementations.split(",");
const against = (name) => (implementations.includes(name) ? [`codex-native / ${name}`] : []);
console.log(
  ["tokenizer", "corpus", "MB", ...implementations, ...against("huggingface"), ...against("tiktoken")].join(" | "),
);
const rows = [];
for (const tokenizer of values.tokenizers.split(",")) {
  for (const { name: corpus, bytes } of corpora) {
    const runs = Object.fromEntries(implementations.map((name) => [name, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const name of implementations) runs[name].push(measure(name, tokenizer, corpus, values.repeats));
    }
    const rates = {};
    const expected = implementations.flatMap((name) => runs[name]).find(({ hash }) => hash !== undefined)?.hash;
    const cells = implementations.map((name) => {
      const failure = runs[name].find(({ reason }) => reason !== undefined);
      if (failure !== undefined) {
        console.error(`${name}, ${tokenizer}, ${corpus}: ${failure.reason}`);
        return "fails";
      }
      rates[name] = median(runs[name].map(({ seconds }) => bytes / 1e6 / Math.min(...seconds)));
      rows.push({
        task: "encode-bpe",
        corpus,
        tokenizer,
        implementation: name,
        threads: 1,
        megabytesPerSecond: rates[name],
        peakMemoryBytes: median(runs[name].map(({ peakMemoryBytes }) => peakMemoryBytes)),
      });
      const same = runs[name].every(({ hash }) => hash === expected);
      return `${rates[name].toFixed(1)}${same ? "" : " (other ids)"}`;
    });
    const ratio = (name) => {
      if (!implementations.includes(name)) return [];
      return rates[name] === undefined ? ["-"] : [`${(rates["codex-native"] / rates[name]).toFixed(1)}x`];
    };
    console.log(
      [tokenizer, corpus, (bytes / 1e6).toFixed(1), ...cells, ...ratio("huggingface"), ...ratio("tiktoken")].join(
        " | ",
      ),
    );
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
