/**
 * `npm run bench:tokenization`: training and encoding against the libraries that people use. docs/benchmarks/tokenization.md has its results.
 *
 *   npm run bench:tokenization -- [--tasks encode-bpe,...] [--corpora english,...] [--tokenizers gpt2,...] [--implementations ...]
 *                                 [--threads 1,2] [--rounds 3] [--megabytes N] [--seconds 5] [--minutes 8] [--vocab-size 32000] [--json FILE]
 *
 * Implementations take turns, each in a process of its own; tables have the medians of the rounds. Training: from the first document that is
 * read to the finished tokenizer. Encoding: documents in chunks of a megabyte, until the corpus ends or `--seconds` have gone into it.
 * Who gives other ids than the first is marked. Corpora, libraries and tokenizers are made or installed on first use, outside of the
 * repository: see peers.mjs. What is measured of this repository is what `npm run build` made.
 */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TEXTS, writeCorpus } from "./corpora/corpus.mjs";
import { documentsOf } from "./corpora/documents.mjs";
import { FOLDER, findPeers, python } from "./peers.mjs";
import { summarize } from "./summary.mjs";
import { table } from "./table.mjs";
import { RUST, repository, TASKS } from "./tasks.mjs";

const { values } = parseArgs({
  options: {
    tasks: { type: "string", default: Object.keys(TASKS).join() },
    corpora: { type: "string" },
    tokenizers: { type: "string" },
    implementations: { type: "string" },
    threads: { type: "string" },
    rounds: { type: "string", default: "3" },
    megabytes: { type: "string" },
    seconds: { type: "string", default: "5" },
    minutes: { type: "string", default: "8" },
    "vocab-size": { type: "string" },
    json: { type: "string" },
  },
});
const only = (list, names) =>
  names === undefined ? list : list.filter((name) => names.split(",").includes(String(name)));

const { found, absent } = findPeers();
spawnSync("cargo", ["build", "--release", "--quiet", "-p", "codex-tokenizer", "--example", "encode_speed"], {
  cwd: repository,
});
if (!existsSync(RUST.program)) absent["codex-rust"] = "cargo could not build crates/tokenizer/examples/encode_speed.rs";
for (const [name, reason] of Object.entries(absent)) console.error(`${name}: absent, ${reason}`);

const machine = `${cpus()[0]?.model}, ${cpus().length} processors, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform}`;
console.log(`${machine}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`);
console.log(
  `${Object.entries(found)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")}\n`,
);

const rows = [];
for (const task of values.tasks.split(",")) {
  if (TASKS[task] === undefined)
    throw new Error(`--tasks: expected some of ${Object.keys(TASKS).join(", ")}, got ${task}`);
  const { tokenizers, corpora, threads, implementations } = TASKS[task];
  for (const tokenizer of only(tokenizers, values.tokenizers)) {
    if (task.startsWith("encode-")) prepare(tokenizer);
    for (const count of values.threads?.split(",").map(Number) ?? threads) {
      const measured = [];
      // Whoever trains on one thread alone is beside those who take more; in encoding the threads are what is compared.
      const takes = (name) => task.startsWith("train-") || implementations[name].threads >= count;
      const names = only(Object.keys(implementations), values.implementations).filter(takes);
      for (const corpus of only(corpora, values.corpora)) {
        const results = measureTask(task, tokenizer, writeCorpus(corpus, FOLDER), count, names);
        for (const result of results) {
          if (result.note !== undefined)
            console.error(`${task}, ${tokenizer}, ${corpus}, ${result.implementation}: ${result.note}`);
          if (result.row === undefined) continue;
          rows.push(result.row);
          const { implementation, megabytesPerSecond } = result.row;
          console.error(`${task}, ${tokenizer}, ${corpus}, ${implementation}: ${megabytesPerSecond.toFixed(2)} MB/s`);
        }
        measured.push({ corpus, results });
        if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
      }
      if (measured.length > 0)
        console.log(`${task}, ${tokenizer}, threads: ${count}\n\n${table(task, names, measured)}\n`);
    }
  }
}

/** @returns of each implementation what its rounds gave: `row`, `note`, and for tables `same` and `tokens` */
function measureTask(task, tokenizer, corpus, threads, names) {
  const { implementations, megabytes, vocabSize } = TASKS[task];
  const request = {
    task,
    folder: FOLDER,
    ...RUST,
    corpus: corpus.name,
    tokenizer,
    threads,
    megabytes: Number(values.megabytes ?? megabytes),
    seconds: Number(values.seconds),
    vocabSize: Number(values["vocab-size"] ?? vocabSize),
  };
  request.bytes = Math.min(corpus.bytes, request.megabytes * 1e6);
  if (task === "train-unigram") request.lines = writeLines(request);
  const present = names.filter((name) => absent[name] === undefined);
  const runs = Object.fromEntries(present.map((name) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of present) {
      // Who failed once is not asked again.
      if (runs[name].some(({ failure }) => failure !== undefined)) continue;
      runs[name].push(
        start(implementations[name], { ...request, implementation: name, result: join(FOLDER, `trained-${name}`) }),
      );
    }
  }
  const results = summarize(request, runs);
  if (task === "train-unigram") for (const result of results) result.tokens = countTokens(request.lines, result);
  return [
    ...results,
    ...names
      .filter((name) => absent[name] !== undefined)
      .map((implementation) => ({ implementation, note: `absent, ${absent[implementation]}` })),
  ];
}

/** @returns what the process printed, or `{ failure }` */
function start({ command, args, env }, request) {
  const minutes = request.task.startsWith("encode-") ? 1 : Number(values.minutes);
  const { status, signal, stdout, stderr, error } = spawnSync(command, [...args, JSON.stringify(request)], {
    encoding: "utf8",
    env: { ...process.env, ...env, RAYON_NUM_THREADS: String(request.threads) },
    cwd: repository,
    timeout: 60_000 * minutes,
    killSignal: "SIGKILL",
    maxBuffer: 1 << 28,
  });
  if (status === 0) return JSON.parse(stdout.trim().split("\n").at(-1));
  if (error?.code === "ETIMEDOUT")
    return { failure: `not done after ${minutes === 1 ? "a minute" : `${minutes} minutes`}` };
  const lines = stderr.trim().split("\n");
  return {
    failure: error?.message ?? lines.findLast((line) => /error|panicked/i.test(line)) ?? `ended by ${signal ?? status}`,
  };
}

function prepare(tokenizer) {
  if (existsSync(join(FOLDER, `${tokenizer}.tokenizer.json`))) return;
  for (const name of TEXTS) writeCorpus(name, FOLDER);
  console.error(`making the tokenizer ${tokenizer} ...`);
  const script = join(import.meta.dirname, "prepare.mjs");
  const { status } = spawnSync(process.execPath, [script, FOLDER, tokenizer], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new Error(`${tokenizer}: could not be made`);
}

/** SentencePiece takes lines, so all of them do: with single spaces, which is what SentencePiece makes of others. */
function writeLines({ corpus, megabytes }) {
  const file = join(FOLDER, `${corpus}-${megabytes}.lines`);
  if (!existsSync(file)) {
    const lines = [...documentsOf(FOLDER, corpus, megabytes * 1e6)]
      .flatMap((text) => text.split("\n"))
      .map((line) => line.trim().replace(/\s+/g, " "))
      .filter((line) => line !== "");
    writeFileSync(file, `${lines.join("\n")}\n`);
  }
  return file;
}

/** Tokens that the first lines have with what was just learned: speed could be bought with worse vocabularies. */
function countTokens(lines, { implementation, row }) {
  if (row === undefined) return undefined;
  const script = join(import.meta.dirname, "train", "python_peers.py");
  const { stdout } = spawnSync(python, [script, "count", lines, join(FOLDER, `trained-${implementation}`)], {
    encoding: "utf8",
  });
  return Number(stdout);
}
