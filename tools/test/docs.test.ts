/**
 * Every command and every snippet of the README and of the guides, run as a reader would, in a project of its own with the built packages. Training
 * commands get overrides that make them small; nothing else is changed.
 */
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const root = process.cwd();
const run = promisify(execFile);
const pages = ["README.md", ...readdirSync("docs/guides").map((name) => `docs/guides/${name}`)];

/** Run by `.ci/run` itself, or in need of a registry. */
const ELSEWHERE = [/^npm (test|run \S+)$/, /^npm install .+$/, /doctor --setup-tensorflow$/];
const SMALL =
  "training.maxSteps=2 training.batchSize=2 training.warmupSteps=1 data.sequenceLength=32 training.evaluationBatches=1 report.baselines=[] report.generation.maxNewTokens=4 model.hiddenSize=16 model.numHiddenLayers=1 logging.runId=";

interface Block {
  readonly page: string;
  readonly language: string;
  readonly code: string;
}

const blocks: Block[] = pages.flatMap((page) =>
  [...readFileSync(page, "utf8").matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language, code]) => ({
    page,
    language: language as string,
    code: code as string,
  })),
);
const commands = [
  ...new Set(blocks.filter(({ language }) => language === "sh").flatMap(({ code }) => code.trim().split("\n"))),
];

let project: string;
let runs = 0;

function small(command: string): string {
  if (/--print-config|--help/.test(command)) return command;
  if (/^codex train/.test(command)) {
    runs += 1;
    // The plugin guide's `codex train` has no --config; a text of this repository keeps the tokenizer's training short.
    const text = /data=|shakespeare/.test(command)
      ? ""
      : "data=text 'data.path=docs/guides/*.md' data.split.kind=contiguous ";
    const holdOut = /data=text/.test(command) ? "data.split.kind=contiguous " : "";
    return `${command} ${text}${holdOut}${SMALL}docs-${runs}`;
  }
  return /--allow-drift/.test(command)
    ? `${command.replace(/training\.maxSteps=\d+/, "training.maxSteps=3")}`
    : command;
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${join(root, "node_modules", ".bin")}:${process.env["PATH"]}`, NO_COLOR: "1" };
}

function shell(command: string, timeout = 120_000) {
  return run("sh", ["-c", command], { cwd: project, timeout, env: environment() });
}

/** A page stays until it is closed: it is asked for, and then stopped as Ctrl-C would. */
async function visit(command: string): Promise<void> {
  const line = command.replace(/ --open/, "").replace(/ --port \d+/, "");
  const server = spawn("sh", ["-c", `exec ${line} --port 0`], { cwd: project, env: environment() });
  const ended = new Promise((resolve) => server.on("exit", resolve));
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [server.stdout, server.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(said)?.[0];
        if (address !== undefined) resolve(address);
      });
    ended.then(() => reject(new Error(`it ended: ${said}`)), reject);
  });
  expect(await (await fetch(url)).text()).toContain("<title>Codex</title>");
  const { runs: listed } = (await (await fetch(`${url}api/runs`)).json()) as { runs: unknown[] };
  expect(listed.length).toBeGreaterThan(0);
  server.kill("SIGINT");
  expect(await ended).toBe(0);
}

beforeAll(async () => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  project = mkdtempSync(join(root, ".cache", "docs-"));
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ type: "module", dependencies: { "codex-plugin-triangle": "1.0.0" } }),
  );
  for (const folder of ["configs", "docs"]) symlinkSync(join(root, folder), join(project, folder));
  const plugin = join(project, "node_modules", "codex-plugin-triangle");
  mkdirSync(plugin, { recursive: true });
  const guide = blocks.filter(({ page }) => page.endsWith("plugins.md"));
  writeFileSync(join(plugin, "package.json"), guide.find(({ language }) => language === "json")?.code ?? "");
  writeFileSync(join(plugin, "index.js"), guide.find(({ language }) => language === "js")?.code ?? "");
  mkdirSync(join(project, "node_modules", "@codex"));
  for (const name of ["logging", "pipeline", "registry", "tokenization", "training"])
    symlinkSync(join(root, "packages", name), join(project, "node_modules", "@codex", name));
  await shell(small("codex train --config configs/recipes/quickstart.yaml"));
  cpSync(join(project, "runs", "docs-1"), join(project, "runs", "<run-id>"), { recursive: true });
}, 180_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

test("there are commands and snippets to run", () => {
  expect(commands.length).toBeGreaterThan(15);
  expect(blocks.filter(({ language }) => language === "ts").length).toBeGreaterThan(2);
});

test.each(commands.filter((command) => !ELSEWHERE.some((pattern) => pattern.test(command))))(
  "%s",
  async (line) => {
    const command = small(line.replace(/^npx codex/, "codex")).replaceAll("<run-id>", "docs-1");
    expect(command).toMatch(/^codex /);
    if (/^codex ui(?!.*--help)/.test(command)) return await visit(command);
    const { stdout, stderr } = await shell(command);
    expect(`${stdout}${stderr}`).not.toBe("");
  },
  150_000,
);

test.each(commands.filter((command) => /^npm run \S+$/.test(command)))("%s is a script", (command) => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(scripts[command.replace("npm run ", "")]).toBeDefined();
});

const snippets = blocks.filter(({ language, code }) => language === "ts" && !code.includes("import type"));
test.each(snippets.map(({ page, code }) => [page, code] as const))(
  "a snippet of %s",
  async (_page, code) => {
    runs += 1;
    const overrides = [
      "data=text",
      "data.path=docs/guides/*.md",
      "data.split.kind=contiguous",
      ...SMALL.split(" ").slice(0, -1),
      `logging.runId=docs-${runs}`,
    ];
    const file = join(project, `snippet-${runs}.mjs`);
    writeFileSync(file, code.replace(`["seed=7"]`, JSON.stringify(["seed=7", ...overrides])));
    await run(process.execPath, [file], { cwd: project, timeout: 120_000 });
  },
  150_000,
);
