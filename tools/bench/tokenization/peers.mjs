/** Other libraries, installed beside the corpora, outside of the repository. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Corpora, libraries and tokenizers: CODEX_BENCH_FOLDER, or below the user's cache. */
export const FOLDER =
  process.env.CODEX_BENCH_FOLDER ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "codex-bench", "tokenization");

const NODE_PACKAGES = {
  "@huggingface/tokenizers": "0.2.0",
  "gpt-tokenizer": "4.0.0",
  tiktoken: "1.0.22",
  tokenizers: "0.23.2",
};
const PYTHON_PACKAGES = { numpy: "2", tokenizers: "0.23", tiktoken: "0.14", sentencepiece: "0.2", rustbpe: "0.1" };

/** Which library each implementation needs. */
const NEEDS = {
  huggingface: ["python", "tokenizers"],
  tiktoken: ["python", "tiktoken"],
  sentencepiece: ["python", "sentencepiece"],
  rustbpe: ["python", "rustbpe"],
  "huggingface-js": ["node", "@huggingface/tokenizers"],
  "huggingface-node": ["node", "tokenizers"],
  "gpt-tokenizer": ["node", "gpt-tokenizer"],
  "tiktoken-wasm": ["node", "tiktoken"],
};

export const nodeFolder = join(FOLDER, "node");
export const python = process.env.CODEX_BENCH_PYTHON ?? join(FOLDER, "python", "bin", "python");

/**
 * Installs what is missing and can be installed.
 * @returns the version of each library by implementation, and why the others are absent
 */
export function findPeers() {
  mkdirSync(nodeFolder, { recursive: true });
  const missing = Object.entries(NODE_PACKAGES).filter(([name]) => !existsSync(manifestOf(name)));
  if (missing.length > 0) {
    if (!existsSync(join(nodeFolder, "package.json")))
      writeFileSync(join(nodeFolder, "package.json"), '{ "private": true }\n');
    // One by one: a package that is not to be had leaves the others alone. No scripts: they could bring anything.
    for (const [name, version] of missing)
      run("npm", ["install", "--ignore-scripts", `${name}@${version}`], nodeFolder);
  }
  if (process.env.CODEX_BENCH_PYTHON === undefined && !existsSync(python)) {
    run("python3", ["-m", "venv", join(FOLDER, "python")], FOLDER);
    for (const [name, version] of Object.entries(PYTHON_PACKAGES))
      run(python, ["-m", "pip", "install", `${name}==${version}.*`], FOLDER);
  }
  const versions = pythonVersions();
  const found = {};
  const absent = {};
  for (const [implementation, [kind, name]] of Object.entries(NEEDS)) {
    const version =
      kind === "python"
        ? versions[name]
        : existsSync(manifestOf(name)) && JSON.parse(readFileSync(manifestOf(name), "utf8")).version;
    if (version) found[implementation] = version;
    else absent[implementation] = `${name} is not to be had from ${kind === "python" ? python : nodeFolder}`;
  }
  return { found, absent };
}

function manifestOf(name) {
  return join(nodeFolder, "node_modules", name, "package.json");
}

function pythonVersions() {
  const script = `import importlib.metadata as m, json
found = {}
for name in ${JSON.stringify(Object.keys(PYTHON_PACKAGES))}:
    try: found[name] = (__import__(name), m.version(name))[1]
    except Exception: pass
print(json.dumps(found))`;
  try {
    return JSON.parse(execFileSync(python, ["-c", script], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    return {};
  }
}

function run(command, args, cwd) {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return;
  console.error(`${command} ${args.join(" ")}: ${error?.message ?? stderr.trim().split("\n").at(-1)}`);
}
