/** Runs the command line: in this process where that is enough, as a child where signals and exit codes matter. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { run } from "../src/program.ts";

const folders: string[] = [];
const children = new Set<ChildProcess>();
const home = process.cwd();

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** One layer of width 8 on bytes. */
const TINY = `defaults:
  - /config
  - override /data: text
  - override /tokenizer: byte
  - _self_
device: wasm
data: { path: train.txt, sequenceLength: 8, split: { kind: contiguous, validation: 0.05 } }
model: { hiddenSize: 8, intermediateSize: 12, numHiddenLayers: 1, numAttentionHeads: 2, numKeyValueHeads: 1 }
training:
  maxSteps: 4
  batchSize: 2
  gradientAccumulationSteps: 2
  warmupSteps: 2
  evaluationEverySteps: 2
  evaluationBatches: 2
  checkpointEverySteps: 2
  logEverySteps: 1
logging: { runId: run, index: false }
`;

export const TEXT = Array.from(
  { length: 60 },
  (_, i) => `function f${i % 7}(a) { return a + ${(i * 7) % 31}; }\n`,
).join("\n");

/** A project folder with `tiny.yaml`, `train.txt` and what is given; removed after the tests of the file. */
export function project(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "codex-cli-")));
  folders.push(directory);
  for (const [name, contents] of Object.entries({
    "package.json": "{}",
    "tiny.yaml": TINY,
    "train.txt": TEXT,
    ...files,
  })) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), contents);
  }
  return directory;
}

/** A project with a plugin among its dependencies. @param code - of its one module, whose exports are the entry points' targets */
export function projectWithPlugin(entryPoints: Readonly<Record<string, Record<string, string>>>, code: string): string {
  return project({
    "package.json": JSON.stringify({ dependencies: { "codex-plugin-test": "1.2.3" } }),
    "node_modules/codex-plugin-test/package.json": JSON.stringify({
      name: "codex-plugin-test",
      version: "1.2.3",
      type: "module",
      codex: { apiVersion: "v1", entryPoints },
    }),
    "node_modules/codex-plugin-test/index.js": code,
  });
}

export interface Finished {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

function collector(): { stream: Writable; text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join("") };
}

/** `codex <args>` in a folder, in this process. */
export async function codex(directory: string, ...args: string[]): Promise<Finished> {
  const [out, err] = [collector(), collector()];
  process.chdir(directory);
  try {
    const exitCode = await run(args, { out: out.stream, err: err.stream, env: {} });
    return { exitCode, out: out.text(), err: err.text() };
  } finally {
    process.chdir(home);
  }
}

const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
export const SOURCES = [
  "--conditions=@codex/source",
  "--import",
  pathOf("../../../tools/jest/register-typescript.mjs"),
  "--import",
  pathOf("./dist-to-source.mjs"),
];

export interface Child {
  readonly process: ChildProcess;
  /** Resolves at the first line of standard output that passes; rejects when the process ends before. */
  line(passes: (line: string) => boolean): Promise<string>;
  /** The same for standard error. */
  errorLine(passes: (line: string) => boolean): Promise<string>;
  readonly finished: Promise<{
    readonly exitCode: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly out: string;
    readonly err: string;
  }>;
}

/** The same as a process of its own. @param options.limit - a shell command that runs before, such as `ulimit -f 100` */
export function startCodex(
  directory: string,
  args: readonly string[],
  options: { name?: string; limit?: string } = {},
): Child {
  const argv = [process.execPath, ...SOURCES, pathOf(`../bin/${options.name ?? "codex"}.js`), ...args];
  const [command, ...rest] =
    options.limit === undefined ? argv : ["bash", "-c", `${options.limit}; exec "$@"`, "bash", ...argv];
  const child = spawn(command!, rest, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1" },
  });
  children.add(child);
  const said = { out: "", err: "" };
  const waiting = new Set<() => void>();
  for (const [name, stream] of [
    ["out", child.stdout],
    ["err", child.stderr],
  ] as const) {
    stream!.setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
      for (const look of waiting) look();
    });
  }
  const finished = new Promise<Awaited<Child["finished"]>>((resolve, reject) => {
    child.on("error", reject).on("close", (exitCode, signal) => {
      children.delete(child);
      resolve({ exitCode, signal, ...said });
    });
  });
  /** Each line is shown to `passes` once. */
  const lineOf = (name: "out" | "err", passes: (line: string) => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      let seen = 0;
      const look = (): void => {
        const lines = said[name].split("\n").slice(0, -1);
        for (const line of lines.slice(seen)) {
          seen += 1;
          if (!passes(line)) continue;
          waiting.delete(look);
          resolve(line);
          return;
        }
      };
      waiting.add(look);
      look();
      finished.then(() => reject(new Error(`ended before that line: ${said.out}${said.err}`)), reject);
    });
  const line = (passes: (line: string) => boolean) => lineOf("out", passes);
  const errorLine = (passes: (line: string) => boolean) => lineOf("err", passes);
  return { process: child, line, errorLine, finished };
}

/** Every file below a folder with its contents, without locks and the token cache. */
export function contentsOf(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const names = paths
    .map((path) => path.slice(folder.length + 1))
    .filter((name) => !/(^|\/)\.(lock-|codex\/)/.test(name));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "latin1")]));
}

/**
 * One clear paragraph: a line that starts with the code, says what the patterns ask for, and shows no stack.
 * @returns the paragraph
 */
export function expectRefused(
  { exitCode, err, out }: { exitCode: number | null; err: string; out: string },
  expected: { exitCode: number; code: string; says: readonly (string | RegExp)[] },
): string {
  const start = err.indexOf("error ");
  const paragraph = err.slice(start).trimEnd();
  expect({ exitCode, paragraph }).toMatchObject({
    exitCode: expected.exitCode,
    paragraph: expect.stringContaining(`error ${expected.code}: `),
  });
  expect(paragraph).not.toMatch(/\n/);
  expect(paragraph).not.toMatch(/\bat .*:\d+:\d+\)?/);
  expect(paragraph).not.toMatch(/\[object|undefined|NaN is not/);
  for (const pattern of expected.says) {
    if (typeof pattern === "string") expect(paragraph).toContain(pattern);
    else expect(paragraph).toMatch(pattern);
  }
  expect(out).toBe("");
  return paragraph;
}
