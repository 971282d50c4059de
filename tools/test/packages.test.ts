/**
 * Each package as its user gets it: packed, and installed from its tarball into an empty project. `npm test` packs and installs
 * (tools/packages/pack.mjs) before the suite starts, because installing may need the registry and a test may not.
 */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { enginePlace, libraryPlace, platformName } from "../native/build.mjs";
import { platformPackageNames, requiredGlibc, versionedFiles } from "../native/platform-packages.mjs";
import { projects } from "../packages/pack.mjs";

const root = process.cwd();
const run = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly bin?: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly scripts?: Record<string, string>;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** Everything that got installed below a project, by walking from package to package as Node does. */
function installed(project: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: string): void => {
    const { dependencies, optionalDependencies, peerDependencies } = readManifest(folder);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      for (let at = folder; ; at = dirname(at)) {
        const candidate = join(at, "node_modules", name);
        if (existsSync(candidate)) {
          const real = realpathSync(candidate);
          if (found.get(name) !== real) {
            found.set(name, real);
            visit(real);
          }
          break;
        }
        if (at === dirname(at)) break;
      }
    }
  };
  visit(project);
  return found;
}

const packages = ["packages", "apps", "examples"].flatMap((group) =>
  readdirSync(join(root, group))
    .filter((entry) => existsSync(join(root, group, entry, "package.json")))
    .map((entry) => ({ entry, folder: join(root, group, entry), project: join(projects, entry) }))
    .filter(({ folder }) => !readManifest(folder).private),
);

/** Where there is no Rust, there is no library to pack. */
const hasEngine = existsSync(enginePlace());

/** Third-party packages that an installation brings; a new one shows up here, in review. */
const BRINGS: Record<string, readonly string[]> = {
  checkpointing: [],
  config: ["typebox", "yaml"],
  data: ["csv-parse", "fdir", "picomatch", "tinyglobby", "typebox"],
  logging: [],
  metrics: ["typebox"],
  random: [],
  registry: [],
  safetensors: [],
  safety: [],
  storage: [],
  tokenization: ["@huggingface/tokenizers", "typebox"],
  ui: ["yaml"],
};

test("the packed packages are there", () => {
  expect(existsSync(join(projects, "stamp"))).toBe(true);
});

describe.each(packages)("$entry", ({ entry, folder, project }) => {
  test("has what npm shows", () => {
    const manifest = readManifest(folder) as Manifest & Record<string, unknown>;
    expect(manifest).toMatchObject({
      type: "module",
      license: "Apache-2.0",
      engines: { node: "^20.19.0 || >=22.12.0" },
    });
    expect(manifest["description"]).toEqual(expect.any(String));
    const packed = join(project, "node_modules", manifest.name);
    expect(readdirSync(packed).sort()).toEqual(
      expect.arrayContaining(["LICENSE", "README.md", "dist", "package.json"]),
    );
    expect(readFileSync(join(packed, "package.json"), "utf8")).not.toMatch(/workspace:|@codex\/source/);
  });

  test("brings what it needs and no more", () => {
    const all = installed(project);
    const thirdParty = [...all.keys()].filter((name) => !name.startsWith("@codex/")).sort();
    const compiles = [...all].filter(
      ([, path]) => readManifest(path).scripts?.["install"] !== undefined || existsSync(join(path, "binding.gyp")),
    );
    if (entry in BRINGS) {
      expect(thirdParty).toEqual(BRINGS[entry]);
      expect(compiles).toEqual([]);
    } else if (entry === "pipeline" || entry === "cli") {
      expect(compiles.map(([name]) => name)).toEqual(["better-sqlite3"]);
    } else {
      expect(compiles).toEqual([]);
    }
  });

  // Without Rust there is no library to pack, and the example of the engine has nothing to start.
  const exampleTest = entry === "engine" && !hasEngine ? test.skip : test;
  exampleTest(
    "its README example runs",
    async () => {
      const readme = readFileSync(join(project, "node_modules", readManifest(folder).name, "README.md"), "utf8");
      const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
      expect(example).toBeDefined();
      const directory = mkdtempSync(join(project, "example-"));
      try {
        writeFileSync(join(directory, "example.mjs"), example ?? "");
        await run(process.execPath, ["example.mjs"], { cwd: directory, timeout: 120_000 });
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
    150_000,
  );
});

describe("the packages with the engine's library", () => {
  const project = join(projects, "engine");
  const engine = join(project, "node_modules", "@codex", "engine");

  test("are optional dependencies of exactly the engine's version, which is also that of the crates", () => {
    expect(versionedFiles().filter(({ text, wanted }) => text !== wanted)).toEqual([]);
    const { optionalDependencies, version } = readManifest(engine);
    expect(optionalDependencies).toEqual(
      Object.fromEntries(platformPackageNames("engine").map((name) => [name, version])),
    );
  });

  // As above: what is installed here is the library that this clone built.
  const installedTest = hasEngine ? test : test.skip;
  installedTest(
    "bring this platform's, and the engine runs on it",
    async () => {
      const name = `@codex/engine-${platformName()}`;
      const folder = installed(project).get(name);
      expect(folder).toBeDefined();
      const manifest = readManifest(folder as string) as Manifest & Record<string, unknown>;
      expect(manifest).toMatchObject({
        os: [process.platform],
        cpu: [process.arch],
        main: expect.stringMatching(/\.node$/),
      });
      expect(readdirSync(folder as string).sort()).toEqual(["LICENSE", "README.md", manifest["main"], "package.json"]);
      const code = `import { register } from "@codex/engine";
      import * as tf from "@tensorflow/tfjs-core";
      await register();
      await tf.setBackend("engine");
      console.log(tf.getBackend(), (await tf.matMul([[1, 2]], [[3], [4]]).data())[0], process.report.getReport().sharedObjects.filter((file) => file.endsWith(".node")).join());`;
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: project });
      expect(stdout.trim()).toBe(`engine 11 ${realpathSync(join(folder as string, manifest["main"] as string))}`);
    },
    60_000,
  );

  test("without one, the engine says what to do", async () => {
    const bare = mkdtempSync(join(tmpdir(), "codex-bare-"));
    try {
      cpSync(engine, join(bare, "node_modules", "@codex", "engine"), { recursive: true, dereference: true });
      for (const name of ["tfjs-core", "tfjs-backend-cpu"]) {
        const real = realpathSync(join(realpathSync(engine), "..", "..", "@tensorflow", name));
        mkdirSync(join(bare, "node_modules", "@tensorflow"), { recursive: true });
        symlinkSync(real, join(bare, "node_modules", "@tensorflow", name));
      }
      const code = `import { register } from "@codex/engine";
        await register().catch(({ name, code, message, help }) => console.log(JSON.stringify({ name, code, message, help })));`;
      const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: bare });
      expect(JSON.parse(stdout)).toMatchObject({
        name: "EngineError",
        code: "ENGINE_BINARY_ABSENT",
        message: expect.stringContaining(platformName()),
        help: expect.stringContaining(`@codex/engine-${platformName()}`),
      });
      expect(stderr).toBe("");
    } finally {
      rmSync(bare, { recursive: true });
    }
  }, 60_000);

  // Only libraries of Linux have version symbols of glibc, and only one that was built can be read.
  const linuxTest = hasEngine && process.platform === "linux" ? test : test.skip;
  linuxTest("the glibc that a library needs is read from it", () => {
    expect(requiredGlibc(enginePlace())).toMatch(/^2\.\d+$/);
    expect(requiredGlibc("LICENSE")).toBeUndefined();
  });
});

describe("the packages with the tokenizer's library", () => {
  const project = join(projects, "tokenization");
  const tokenization = join(project, "node_modules", "@codex", "tokenization");
  const hasLibrary = existsSync(libraryPlace("tokenizer"));

  /** Trains and encodes, and says which library was loaded. */
  const code = `import { trainByteLevelBpe } from "@codex/tokenization";
    const tokenizer = await trainByteLevelBpe(["the cat sat on the mat"], { vocabSize: 262 });
    const ids = [...tokenizer.encode("the cat")];
    console.log(ids.join(" "), process.report.getReport().sharedObjects.filter((file) => file.endsWith(".node")).join());`;
  const IDS = "259 221 260";

  test("are optional dependencies of exactly its version", () => {
    const { optionalDependencies, version } = readManifest(tokenization);
    expect(optionalDependencies).toEqual(
      Object.fromEntries(platformPackageNames("tokenizer").map((name) => [name, version])),
    );
  });

  // What is installed here is the library that this clone built; without Rust there is none.
  const installedTest = hasLibrary ? test : test.skip;
  installedTest(
    "bring this platform's, which trains and encodes",
    async () => {
      const folder = installed(project).get(`@codex/tokenization-${platformName()}`) as string;
      const manifest = readManifest(folder) as Manifest & Record<string, unknown>;
      expect(manifest).toMatchObject({ os: [process.platform], cpu: [process.arch] });
      expect(readdirSync(folder).sort()).toEqual(["LICENSE", "README.md", manifest["main"], "package.json"]);
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: project });
      expect(stdout.trim()).toBe(`${IDS} ${realpathSync(join(folder, manifest["main"] as string))}`);
    },
    60_000,
  );

  test("without one, TypeScript gives the same ids", async () => {
    const bare = mkdtempSync(join(tmpdir(), "codex-bare-"));
    try {
      cpSync(tokenization, join(bare, "node_modules", "@codex", "tokenization"), {
        recursive: true,
        dereference: true,
      });
      for (const [name, path] of installed(realpathSync(tokenization))) {
        if (name.startsWith("@codex/tokenization-")) continue;
        mkdirSync(dirname(join(bare, "node_modules", name)), { recursive: true });
        symlinkSync(path, join(bare, "node_modules", name));
      }
      const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", code], { cwd: bare });
      expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: IDS, stderr: "" });
    } finally {
      rmSync(bare, { recursive: true });
    }
  }, 60_000);
});

test("@codex/tensor without the engine says that it is not installed, and how to install it", async () => {
  const code = `import { probeDevices } from "@codex/tensor";
    const [{ device, reason, enable }] = await probeDevices();
    console.log(JSON.stringify({ device, reason, enable }));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], {
    cwd: join(projects, "tensor"),
  });
  expect(JSON.parse(stdout)).toEqual({
    device: "engine",
    reason: "@codex/engine is not installed",
    enable: "Run `npm install @codex/engine`.",
  });
});

describe("a plugin, installed beside the command line", () => {
  const project = join(projects, "cli-with-plugin");
  const codex = async (...args: string[]) =>
    (
      await run(process.execPath, [join(project, "node_modules", "@codex", "cli", "bin", "codex.js"), ...args], {
        cwd: project,
        timeout: 120_000,
      })
    ).stdout;

  beforeAll(() => {
    rmSync(join(project, "runs"), { recursive: true, force: true });
    writeFileSync(join(project, "corpus.txt"), "one fish two fish red fish blue fish\n".repeat(60));
    // The example of docs/guides/plugins.md: the groups of Codex, and a model group of one's own.
    writeFileSync(
      join(project, "mine.yaml"),
      `defaults:
  - data: text
  - tokenizer: byte
  - training: base
  - logging: base
  - tracking: base
  - _self_
model:
  name: neural-ngram
  window: 4
  maxPositionEmbeddings: \${data.sequenceLength}
data:
  path: corpus.txt
  sequenceLength: 16
  split: { kind: contiguous }
training: { maxSteps: 80, batchSize: 4, warmupSteps: 1, learningRate: 2e-2 }
logging: { runId: mine }
`,
    );
  });

  test("is listed and works", async () => {
    expect(await codex("plugins", "list")).toMatch(/models +neural-ngram +@codex-examples\/plugin-tiny@/);
    expect(await codex("plugins", "check")).not.toMatch(/BROKEN/);
    expect(await codex("plugins", "explain", "models/neural-ngram")).toMatch(/window/);
  }, 60_000);

  test("its model is trained, sampled and scored, with its options and its metric", async () => {
    await codex("train", "--config", "mine.yaml", "--device", "cpu");
    const config = readFileSync(join(project, "runs", "mine", "config.yaml"), "utf8");
    expect(config).toMatch(/name: neural-ngram/);
    expect(config).toMatch(/window: 4/);
    const generated = JSON.parse(
      await codex("generate", "--checkpoint", "runs/mine", "--prompt", "one ", "--max-new-tokens", "4", "--json"),
    );
    expect(generated.tokenIds).toHaveLength(4);
    writeFileSync(join(project, "rows.jsonl"), '{"input":"one fish two ","target":"fish"}\n');
    const scored = JSON.parse(
      await codex(
        "evaluate",
        "--checkpoint",
        "runs/mine",
        "--data",
        "rows.jsonl",
        "--metrics",
        "loss,distinct_ngrams",
        "--json",
      ),
    );
    expect(scored.records.map(({ metric }: { metric: string }) => metric)).toEqual(["loss", "distinct_2"]);
  }, 120_000);

  test("an unknown option of it is an error that names the nearest", async () => {
    const failure = await codex("train", "--config", "mine.yaml", "model.windw=5").catch(
      (error: { code: number; stderr: string }) => error,
    );
    expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining("model.window") });
  }, 60_000);
});
