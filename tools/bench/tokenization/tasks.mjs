/** What is measured: on which corpora, with which tokenizers, by whom. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TEXTS, WORST_CASES } from "./corpora/corpus.mjs";
import { python } from "./peers.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const repository = dirname(dirname(dirname(here)));

/** The core without JavaScript: what is left of its speed through the binding? */
export const RUST = {
  program: join(repository, "target", "release", "examples", "encode_speed"),
  native: join(repository, "packages", "tokenization", "native"),
};

const script = (...path) => join(here, ...path);
const codex = (...path) => ({ command: process.execPath, args: [script(...path)] });
const withoutNative = { CODEX_TOKENIZER_NATIVE: "0" };

/** How the process of an implementation is started; its last argument is the request. `threads`: how many it can be told to take. */
const ENCODERS = {
  huggingface: { command: python, args: [script("encode", "python_peers.py")], threads: 2 },
  tiktoken: { command: python, args: [script("encode", "python_peers.py")], threads: 2 },
  sentencepiece: { command: python, args: [script("encode", "python_peers.py")], threads: 2 },
  "huggingface-js": { command: process.execPath, args: [script("encode", "node-peers.mjs")], threads: 1 },
  "huggingface-node": { command: process.execPath, args: [script("encode", "node-peers.mjs")], threads: 2 },
  "gpt-tokenizer": { command: process.execPath, args: [script("encode", "node-peers.mjs")], threads: 1 },
  "tiktoken-wasm": { command: process.execPath, args: [script("encode", "node-peers.mjs")], threads: 1 },
  "codex-rust": { ...codex("encode", "rust.mjs"), threads: 1 },
  "codex-native": { ...codex("encode", "codex.mjs"), threads: 2 },
  "codex-typescript": { ...codex("encode", "codex.mjs"), env: withoutNative, threads: 1 },
};

const TRAINERS = {
  huggingface: { command: python, args: [script("train", "python_peers.py")], threads: 2 },
  rustbpe: { command: python, args: [script("train", "python_peers.py")], threads: 2 },
  sentencepiece: { command: python, args: [script("train", "python_peers.py")], threads: 2 },
  "codex-native": { ...codex("train", "codex.mjs"), threads: 2 },
  "codex-typescript": { ...codex("train", "codex.mjs"), env: withoutNative, threads: 1 },
};

const pick = (all, names) => Object.fromEntries(names.map((name) => [name, all[name]]));
const OURS = ["codex-native", "codex-typescript"];
const EVERYTHING = 1_000_000; // megabytes

/** `threads`: those that are measured unless others are asked for. */
export const TASKS = {
  "train-bpe": {
    tokenizers: ["gpt2"],
    corpora: TEXTS,
    threads: [2],
    megabytes: EVERYTHING,
    vocabSize: 32_000,
    implementations: pick(TRAINERS, ["huggingface", "rustbpe", ...OURS]),
  },
  "train-wordpiece": {
    tokenizers: ["bert"],
    corpora: TEXTS,
    threads: [2],
    megabytes: EVERYTHING,
    vocabSize: 32_000,
    implementations: pick(TRAINERS, ["huggingface", ...OURS]),
  },
  "train-unigram": {
    tokenizers: ["unigram"],
    corpora: TEXTS,
    threads: [2],
    megabytes: 20, // Hugging Face's trainer takes more than ten minutes for them
    vocabSize: 32_000,
    implementations: pick(TRAINERS, ["huggingface", "sentencepiece", ...OURS]),
  },
  "encode-bpe": {
    tokenizers: ["gpt2", "llama3"],
    corpora: [...TEXTS, ...WORST_CASES],
    threads: [1],
    megabytes: EVERYTHING,
    implementations: pick(ENCODERS, [
      "huggingface",
      "tiktoken",
      "huggingface-node",
      "tiktoken-wasm",
      "huggingface-js",
      "gpt-tokenizer",
      "codex-rust",
      ...OURS,
    ]),
  },
  "encode-wordpiece": {
    tokenizers: ["bert"],
    corpora: [...TEXTS, ...WORST_CASES],
    threads: [1],
    megabytes: EVERYTHING,
    implementations: pick(ENCODERS, ["huggingface", "huggingface-node", "huggingface-js", ...OURS]),
  },
  "encode-unigram": {
    tokenizers: ["t5"],
    corpora: [...TEXTS, ...WORST_CASES],
    threads: [1],
    megabytes: EVERYTHING,
    implementations: pick(ENCODERS, ["huggingface", "sentencepiece", "huggingface-node", "huggingface-js", ...OURS]),
  },
};
