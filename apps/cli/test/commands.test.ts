import { appendFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { createProgram } from "../src/program.ts";
import { codex, contentsOf, project, projectWithPlugin, startCodex } from "./harness.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const context = { terminal: { out: process.stdout, err: process.stderr, env: {} }, exitCode: 0 };

/** Every command that does something, as the words to type. */
function leaves(command: Command, path: string[] = []): string[][] {
  if (command.commands.length === 0) return [path];
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
}

test("the commands are those of the README", () => {
  const names = leaves(createProgram(context)).map((path) => path.join(" "));
  expect(names.sort()).toEqual([
    "config docs",
    "config print",
    "config schema",
    "config validate",
    "doctor",
    "evaluate",
    "generate",
    "list-plugins",
    "log change",
    "log error",
    "log result",
    "metrics-server",
    "plugins check",
    "plugins explain",
    "plugins list",
    "resume",
    "runs compare",
    "runs export",
    "runs list",
    "runs replay",
    "runs show",
    "runs validate",
    "sessions end",
    "sessions export",
    "sessions import",
    "sessions init-sample",
    "sessions list",
    "sessions purge",
    "sessions query",
    "sessions rebuild",
    "sessions search",
    "sessions shell",
    "sessions snapshot",
    "sessions start",
    "sessions stats",
    "sessions tail",
    "sessions view",
    "status",
    "tokenizer compare",
    "tokenizer count",
    "tokenizer decode",
    "tokenizer encode",
    "tokenizer export",
    "tokenizer inspect",
    "tokenizer stats",
    "tokenizer train",
    "tokenizer validate",
    "train",
    "ui",
  ]);
  const readme = readFileSync(join(root, "README.md"), "utf8");
  for (const name of names.filter((name) => name !== "list-plugins")) expect(readme).toContain(`\`codex ${name}`);
});

test.each(leaves(createProgram(context)).map((path) => [path.join(" ")]))("%s --help has an example", async (name) => {
  const { exitCode, out, err } = await codex(project(), ...name.split(" "), "--help");
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  expect(out).toMatch(/Examples?:\n {2}\$ codex /);
  expect(out).toContain("--json");
  expect(out).toContain("--debug");
});

test("nothing heavy is imported before a command runs", () => {
  const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  expect(sources.length).toBeGreaterThan(10);
  for (const name of sources) {
    const imports =
      readFileSync(join(root, "src", name), "utf8").match(/^(import|export) (?!type )[^;]*from "[^"]+"/gm) ?? [];
    const others = imports.map((line) => /from "(.+)"/.exec(line)![1]!).filter((from) => !from.startsWith("."));
    for (const from of others) expect(from).toMatch(/^(node:|commander$)/);
  }
});

test("help goes to standard output, a wrong option to standard error with exit code 2", async () => {
  const directory = project();
  expect(await codex(directory, "--help")).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining("Exit codes: 0 done"),
  });
  expect(await codex(directory, "--version")).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  expect(await codex(directory, "train", "--learn")).toMatchObject({
    exitCode: 2,
    out: "",
    err: expect.stringContaining("unknown option '--learn'"),
  });
  expect(await codex(directory, "generate", "--prompt", "x")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("--checkpoint"),
  });
  expect(await codex(directory, "train", "--max-steps", "many")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("--max-steps: expected a whole number"),
  });
  expect(await codex(directory, "train", "--dry-run", "--resume")).toMatchObject({
    exitCode: 2,
    err: expect.stringContaining("--dry-run"),
  });
});

test("a folder without runs", async () => {
  const directory = project();
  const before = contentsOf(directory);
  expect(await codex(directory, "runs", "list")).toEqual({ exitCode: 0, out: "no runs in runs\n", err: "" });
  expect(await codex(directory, "runs", "list", "--json")).toEqual({ exitCode: 0, out: "[]\n", err: "" });
  expect(contentsOf(directory)).toEqual(before);
});

describe("a run from start to end", () => {
  const directory = project();

  test("train says what happens, where everything is, and what to type next", async () => {
    const { exitCode, out, err } = await codex(
      directory,
      "train",
      "-c",
      "tiny.yaml",
      "report.prompt=func",
      "report.baselines=[bigram]",
      "logging.index=true",
    );
    expect({ exitCode, err }).toMatchObject({ exitCode: 0, err: expect.stringContaining("step 4/4  loss ") });
    expect(err).toContain("saved runs/run/checkpoints/step-00000004\n");
    for (const line of [
      /^completion\nfunc/m,
      /^ {2}this model +\d\.\d{4}$/m,
      /^ {2}byte bigram +\d\.\d{4}$/m,
      /^ {2}runs\/run {3}configuration/m,
      /^ {2}runs\/run\/checkpoints\/step-00000004 {3}a Hugging Face model folder$/m,
      /^ {2}codex resume runs\/run --allow-drift training\.maxSteps=8$/m,
      /^ {2}codex generate --checkpoint runs\/run --prompt func$/m,
      /^ {2}codex evaluate --checkpoint runs\/run$/m,
      /import \{ generate \} from "@codex\/pipeline"/,
    ])
      expect(out).toMatch(line);
    expect(`${out}${err}`).not.toContain(directory);
    expect(`${out}${err}`).not.toContain("\u001b");
  });

  test("what it says to type works", async () => {
    expect(await codex(directory, "resume", "runs/run", "--allow-drift", "training.maxSteps=5")).toMatchObject({
      exitCode: 0,
    });
    const generated = await codex(
      directory,
      "generate",
      "--checkpoint",
      "runs/run",
      "--prompt",
      "func",
      "--max-new-tokens",
      "3",
      "--seed",
      "1",
    );
    expect(generated).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^func/), err: "" });
    const evaluated = await codex(directory, "evaluate", "--checkpoint", "runs/run");
    expect(evaluated).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^loss +\d\.\d{4} +n = \d+ +validation\n/),
    });
    expect(evaluated.out).toContain("written to runs/eval/metrics.ndjson and runs/eval/metrics.csv\n");
    expect((await codex(directory, "runs", "list")).out).toMatch(
      /^run +status +step +validation loss +created\nrun +completed +step 5 +\d\.\d{4} /,
    );
    expect((await codex(directory, "runs", "show", "run")).out).toMatch(/^status +completed$/m);
  });

  test("a run is checked, compared and exported", async () => {
    const valid = await codex(directory, "runs", "validate", "run");
    expect(valid).toMatchObject({ exitCode: 0, err: "" });
    expect(valid.out).toMatch(/^runs\/run\/metrics\.ndjson +\d+ lines$/m);
    expect(valid.out).toMatch(/^checkpoints +\d whole\nvalid$/m);
    appendFileSync(join(directory, "runs/run/events.ndjson"), "{");
    const torn = await codex(directory, "runs", "validate", "run");
    expect(torn.exitCode).toBe(3);
    expect(torn.out).toMatch(/^runs\/run\/events\.ndjson: 1 bytes of a line that was not finished/m);
    expect(JSON.parse((await codex(directory, "runs", "validate", "run", "--json")).out)).toMatchObject({
      valid: false,
    });

    const exported = await codex(directory, "runs", "export", "run", "--output", "loss.csv", "--metric", "loss");
    expect(exported).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^\d+ numbers written to loss\.csv /) });
    expect(readFileSync(join(directory, "loss.csv"), "utf8")).toMatch(/^schema_version,run_id,.*\n1,run,/);
    expect((await codex(directory, "runs", "export", "run", "--output", "loss.xlsx")).exitCode).toBe(2);
    expect((await codex(directory, "runs", "export", "run", "-o", "none.csv", "--metric", "none")).exitCode).toBe(3);

    cpSync(join(directory, "runs/run"), join(directory, "copy"), { recursive: true });
    const config = join(directory, "copy/config.yaml");
    writeFileSync(config, readFileSync(config, "utf8").replace("maxSteps: 5", "maxSteps: 6"));
    const compared = await codex(directory, "runs", "compare", "run", "copy");
    expect(compared).toMatchObject({ exitCode: 0, err: "" });
    expect(compared.out).toMatch(/^training\.maxSteps +5 +6$/m);
    expect(compared.out).toMatch(/^validation loss.* +\d\.\d+ \(\d\.\d+, \d\) +\d\.\d+ /m);
    expect((await codex(directory, "runs", "compare", "run")).exitCode).toBe(2);
  });

  test.each([
    ["train", "-c", "tiny.yaml", "--print-config"],
    ["train", "-c", "tiny.yaml", "--dry-run"],
    ["generate", "--checkpoint", "runs/run", "--prompt", "f", "--max-new-tokens", "2"],
    ["evaluate", "--checkpoint", "runs/run"],
    ["tokenizer", "train", "--input", "train.txt", "--output", "bpe", "--vocab-size", "270"],
    ["tokenizer", "count", "--input", "train.txt", "--output", "train.counts"],
    ["tokenizer", "train", "--counts", "train.counts", "--output", "bpe-of-counts", "--vocab-size", "270"],
    ["tokenizer", "inspect", "runs/run/tokenizer", "--text", "function"],
    ["tokenizer", "encode", "runs/run/tokenizer", "--text", "function"],
    ["tokenizer", "decode", "runs/run/tokenizer", "70", "71"],
    ["tokenizer", "export", "runs/run/tokenizer", "--output", "out", "--format", "tiktoken", "--dry-run"],
    ["tokenizer", "validate", "runs/run/tokenizer"],
    ["tokenizer", "stats", "runs/run/tokenizer", "--data", "train.txt"],
    ["tokenizer", "compare", "bpe", "runs/run/tokenizer", "--data", "train.txt"],
    ["runs", "list"],
    ["runs", "show", "run"],
    ["config", "print", "tiny.yaml"],
    ["config", "validate", "tiny.yaml"],
    ["config", "schema"],
    ["config", "docs"],
    ["plugins", "list"],
    ["plugins", "check"],
    ["plugins", "explain", "models/llama"],
    ["doctor"],
  ])("%s %s %s --json is JSON", async (...words) => {
    const { exitCode, out, err } = await codex(directory, ...words, "--json");
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(typeof JSON.parse(out)).toBe("object");
  });

  test("train --json is a JSON object a line, and the outcome is the last", async () => {
    const { exitCode, out, err } = await codex(directory, "train", "-c", "tiny.yaml", "logging.runId=json", "--json");
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.filter(({ type }) => type === "step").map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    expect(events.at(-1)).toMatchObject({ type: "outcome", runId: "json", stopReason: "completed", step: 4 });
  });

  test.each([
    ["an error", ["resume", "absent"], "PIPELINE_RUN_NOT_FOUND", 3],
    ["a wrong option", ["train", "--learn"], "CONFIG_USAGE", 2],
    ["a wrong value", ["train", "--seed", "x"], "CONFIG_USAGE", 2],
  ])("%s with --json is one JSON object on standard error", async (_name, words, code, exitCode) => {
    const result = await codex(directory, ...words, "--json");
    expect(result).toMatchObject({ exitCode, out: "" });
    expect(JSON.parse(result.err)).toEqual({
      error: { code, message: expect.any(String), help: code === "CONFIG_USAGE" ? null : expect.any(String), exitCode },
    });
  });

  test("--debug shows the stack and its causes", async () => {
    const { err } = await codex(directory, "resume", "absent", "--debug");
    expect(err).toMatch(/\n {4}at /);
  });
});

describe("the names that users were shown", () => {
  test.each([
    ["codex", ["--version"], /^\d+\.\d+\.\d+\n$/],
    ["codex-train", ["-c", "tiny.yaml", "--print-config"], /^ {2}maxSteps: 4$/m],
    ["codex-generate", ["--help"], /^Usage: codex generate\|infer /],
    [
      "codex-tokenizer",
      ["train", "--input", "train.txt", "--output", "t", "--kind", "char"],
      /^\d+ ids from \d+ bytes of text\n/,
    ],
    ["codex-validate-config", ["tiny.yaml"], /^tiny\.yaml is valid\n$/],
  ])("%s", async (name, args, says) => {
    const { exitCode, out, err } = await startCodex(project(), args, { name }).finished;
    expect({ exitCode, err, out }).toEqual({ exitCode: 0, err: "", out: expect.stringMatching(says) });
  });
});

test("without a file, the configuration that ships with Codex is meant, in any folder", async () => {
  const empty = project({});
  expect(await codex(empty, "config", "validate")).toMatchObject({ exitCode: 0, out: "config is valid\n" });
  expect((await codex(empty, "train", "--print-config")).out).toMatch(/^ {2}name: typescript-lib$/m);
});

test("explaining a broken entry ends with 2", async () => {
  const directory = projectWithPlugin({ models: { broken: "./index.js#missing" } }, "export const other = 1;");
  const { exitCode, out } = await codex(directory, "plugins", "explain", "broken");
  expect(exitCode).toBe(2);
  expect(out).toMatch(/cannot be used: .*missing/);
});

test("changes, results and errors of a project are logged", async () => {
  const directory = project();
  expect(await codex(directory, "log", "change", "data", "removed duplicates")).toMatchObject({
    exitCode: 0,
    out: "added to .codex/change_log.md\n",
  });
  expect(readFileSync(join(directory, ".codex/change_log.md"), "utf8")).toMatch(
    /^- \S+Z \*\*data\*\* removed duplicates\n$/,
  );
  expect((await codex(directory, "log", "result", "loss", "1.9")).out).toBe("added to .codex/results.md\n");
  const error = await codex(directory, "log", "error", "disk full", "--step", "train", "--step-number", "3");
  expect(error.out).toMatch(
    /^Question \S+Z: While performing \[3: train\], encountered the following error: disk full\n$/,
  );
  expect(await codex(directory, "log", "error", "disk full")).toMatchObject({ exitCode: 2 });
});
