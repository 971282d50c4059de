/**
 * Prints the dependency graph of the packages as the manifests and the sources have it, and fails on an arrow that runs against the picture
 * in docs/architecture.md: a leaf imports no other package, a package imports only what stands in brackets behind it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Reads the house of docs/architecture.md: the lines `name/ @codex/name words (a, b)`.
 * @returns Map from package to the set it may import; `undefined` stands for "all of the above"
 */
export function readPicture(markdown) {
  const house = markdown.split("```")[1] ?? "";
  const allowed = new Map();
  for (const line of house.split("\n")) {
    const match = /^\s+[a-z]+\/\s+(@codex\/[a-z]+)\s+(.*)$/.exec(line);
    if (!match) continue;
    const brackets = /\(([a-z, ]+)\)\s*$/.exec(match[2])?.[1];
    allowed.set(
      match[1],
      brackets === "all of the above"
        ? undefined
        : new Set((brackets?.split(/,\s*/) ?? []).map((name) => `@codex/${name}`)),
    );
  }
  allowed.set("@codex/cli", new Set(["@codex/logging", "@codex/pipeline", "@codex/storage", "@codex/ui"]));
  return allowed;
}

function sources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** The packages that a package's sources import at run time, and the ones it imports for types only. */
function importsOf(folder) {
  const runtime = new Set();
  const types = new Set();
  for (const file of sources(join(folder, "src"))) {
    const text = readFileSync(file, "utf8")
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/^\s*\/\/.*$/gm, "");
    for (const match of text.matchAll(
      /(import\s+type|import|export\s+type|export)\b[^;"'()]*?["'](@codex\/[a-z]+)(?:\/[^"']*)?["']|import\(\s*["'](@codex\/[a-z]+)/g,
    )) {
      const typeOnly = match[1]?.endsWith("type") ?? false;
      (typeOnly ? types : runtime).add(match[2] ?? match[3]);
    }
  }
  return { runtime, types };
}

/** @returns {{ graph: Map<string, string[]>, violations: string[] }} */
export function checkGraph(root = repository) {
  const picture = readPicture(readFileSync(join(root, "docs", "architecture.md"), "utf8"));
  const graph = new Map();
  const violations = [];
  for (const group of ["packages", "apps"]) {
    for (const name of readdirSync(join(root, group)).sort()) {
      const folder = join(root, group, name);
      if (!existsSync(join(folder, "package.json"))) continue;
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const codex = (field) =>
        Object.keys(manifest[field] ?? {}).filter((dependency) => dependency.startsWith("@codex/"));
      const declared = codex("dependencies");
      graph.set(manifest.name, declared.sort());
      if (!picture.has(manifest.name)) violations.push(`${manifest.name} does not stand in docs/architecture.md`);
      const allowed = picture.get(manifest.name);
      const { runtime, types } = importsOf(folder);
      for (const dependency of declared) {
        if (allowed && !allowed.has(dependency))
          violations.push(`${manifest.name} depends on ${dependency}: no such arrow in docs/architecture.md`);
      }
      for (const dependency of runtime) {
        if (dependency !== manifest.name && !declared.includes(dependency))
          violations.push(`${manifest.name} imports ${dependency}, which is not among its dependencies`);
      }
      const known = new Set([...declared, ...codex("peerDependencies"), ...codex("devDependencies"), manifest.name]);
      for (const dependency of types) {
        if (!known.has(dependency))
          violations.push(`${manifest.name} imports types of ${dependency}, which its package.json does not name`);
      }
    }
  }
  const visit = (name, path) => {
    if (path.includes(name)) violations.push(`cycle: ${[...path.slice(path.indexOf(name)), name].join(" -> ")}`);
    else for (const next of graph.get(name) ?? []) visit(next, [...path, name]);
  };
  for (const name of graph.keys()) visit(name, []);
  return { graph, violations: [...new Set(violations)] };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { graph, violations } = checkGraph();
  for (const [name, dependencies] of graph)
    console.log(`${name.padEnd(24)} ${dependencies.length ? dependencies.join(" ") : "-"}`);
  for (const violation of violations) console.error(`error: ${violation}`);
  console.log(
    `${graph.size} packages, ${[...graph.values()].flat().length} arrows, ${violations.length} against the picture`,
  );
  process.exitCode = violations.length > 0 ? 1 : 0;
}
