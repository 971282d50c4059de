/**
 * Each package as its user gets it: packed, and installed from its tarball into an empty project. `npm test` packs and installs
 * (tools/packages/pack.mjs) before the suite starts, because installing may need the registry and a test may not.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const root = process.cwd();
const projects = join(root, ".cache", "projects");
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

const packages = ["packages", "apps"].flatMap((group) =>
  readdirSync(join(root, group))
    .filter((entry) => existsSync(join(root, group, entry, "package.json")))
    .map((entry) => ({ entry, folder: join(root, group, entry), project: join(projects, entry) })),
);

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

  test("its README example runs", async () => {
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
  }, 150_000);
});
