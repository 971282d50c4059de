/**
 * What we train opens in the programs that docs/guides/tokenization.md names, with the same ids: `@huggingface/tokenizers`, and transformers for
 * Python where there is a Python that has it (`CODEX_PYTHON`, else `python3`).
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addSpecialTokens, loadTokenizer, type Tokenizer } from "@codex/tokenization";
import * as kinds from "@codex/tokenization/registry";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";

const CORPUS = ["docs/guides/tokenization.md", "README.md"].map((path) => readFileSync(path, "utf8"));
const TEXTS = [
  "npx codex tokenizer train",
  "Files, folders and globs; plain text!",
  "  two  spaces and the tokenizer's end",
  "it holds 12 ids, or 345",
  "",
];
/** Characters that the corpus does not have. */
const STRANGE = ["caf\u00e9 \u4f60\u597d \u{1f469}\u200d\u{1f4bb}", "\u0e20\u0e32\u0e29\u0e32"];

const unk = { unk: "<unk>", bos: "<s>", eos: "</s>" };
const sentencepiece = (modelType: "unigram" | "bpe") =>
  kinds.sentencepiece.create({
    ...{ modelType, vocabSize: 600, characterCoverage: 0.9995, byteFallback: true },
    specialTokens: unk,
  });
const bert = { pad: "[PAD]", unk: "[UNK]", additional: ["[CLS]", "[SEP]", "[MASK]"] };
const PROVIDERS: Record<string, kinds.TokenizerProvider> = {
  bpe: kinds.bpe.create({
    ...{ vocabSize: 500, minFrequency: 0, preTokenizer: "gpt2" },
    specialTokens: { eos: "<|endoftext|>" },
  }),
  "bpe-llama3": kinds.bpe.create({
    ...{ vocabSize: 500, minFrequency: 2, preTokenizer: "llama3" },
    specialTokens: { eos: "<|end|>", pad: "<|pad|>" },
  }),
  wordpiece: kinds.wordpiece.create({
    ...{ vocabSize: 500, minFrequency: 0, preTokenizer: "bert-uncased" },
    specialTokens: bert,
  }),
  whitespace: kinds.whitespace.create({ vocabSize: 200, minFrequency: 0, specialTokens: unk }),
  unigram: sentencepiece("unigram"),
  "character-bpe": sentencepiece("bpe"),
};

let folder: string;
const tokenizers: Record<string, Tokenizer> = {};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "codex-elsewhere-"));
  for (const [name, provider] of Object.entries(PROVIDERS)) {
    const { tokenizer } = await addSpecialTokens(await provider.train!(CORPUS), ["<|later|>"]);
    mkdirSync(join(folder, name));
    for (const [file, text] of Object.entries(tokenizer.saveFiles())) writeFileSync(join(folder, name, file), text);
    tokenizers[name] = await loadTokenizer(join(folder, name));
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

const ours = (name: string, text: string): number[] => [...tokenizers[name]!.encode(text, { allowedSpecial: "all" })];

// Unknown characters: @huggingface/tokenizers has no byte fallback in Unigram models, which parseHfTokenizer refuses for that reason.
test.each(Object.keys(PROVIDERS))("%s opens in @huggingface/tokenizers", (name) => {
  const read = (file: string) => JSON.parse(readFileSync(join(folder, name, file), "utf8"));
  const theirs = new HuggingFaceTokenizer(read("tokenizer.json"), read("tokenizer_config.json"));
  const texts = [...TEXTS, "the<|later|>end", ...(name === "unigram" ? [] : STRANGE)];
  for (const text of texts) expect([text, theirs.encode(text).ids]).toEqual([text, ours(name, text)]);
});

const python = process.env["CODEX_PYTHON"] ?? "python3";
/** Prints, for each folder, ids of each text and what they decode to. */
const PROGRAM = `
import json, sys
from transformers import PreTrainedTokenizerFast
folders, texts = json.load(sys.stdin)
result = []
for folder in folders:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    result.append([[ids, tokenizer.decode(ids, skip_special_tokens=True)] for ids in (tokenizer(text).input_ids for text in texts)])
json.dump(result, sys.stdout)
`;

function hasTransformers(): boolean {
  try {
    execFileSync(python, ["-c", "import importlib.util as u, sys; sys.exit(u.find_spec('transformers') is None)"], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

// transformers is no dependency of this repository: the fixtures that it made are (tools/parity/tokenization), and this test where it is installed.
const pythonTest = hasTransformers() ? test : test.skip;
pythonTest(
  "all of them open in transformers for Python",
  () => {
    const names = Object.keys(PROVIDERS);
    const texts = [...TEXTS, ...STRANGE, "the<|later|>end"];
    const input = JSON.stringify([names.map((name) => join(folder, name)), texts]);
    const environment = { ...process.env, HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1" };
    const output = execFileSync(python, ["-c", PROGRAM], {
      input,
      encoding: "utf8",
      env: environment,
      stdio: ["pipe", "pipe", "ignore"],
    });
    const result: [number[], string][][] = JSON.parse(output);
    for (const [index, name] of names.entries()) {
      for (const [at, text] of texts.entries()) {
        const [ids, decoded] = result[index]![at]!;
        expect([name, text, ids]).toEqual([name, text, ours(name, text)]);
        expect([name, text, decoded]).toEqual([name, text, tokenizers[name]!.decode(ids)]);
      }
    }
  },
  120_000,
);
