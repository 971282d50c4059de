import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkGraph, readPicture } from "../packages/graph.mjs";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "codex-graph-"));
  mkdirSync(join(root, "apps"));
  write(
    "docs/architecture.md",
    "# Picture\n```\npackages/\n  leaf/   @codex/leaf   a leaf\n  middle/ @codex/middle words (leaf)\n  top/    @codex/top    everything (all of the above)\n```\n",
  );
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function addPackage(name: string, manifest: object, source = ""): void {
  write(`packages/${name}/package.json`, JSON.stringify({ name: `@codex/${name}`, ...manifest }));
  write(`packages/${name}/src/index.ts`, source);
}

test("the picture says who may import whom", () => {
  const picture = readPicture("```\n  a/  @codex/a  words (b, c)\n  b/  @codex/b  words\n```");
  expect([...(picture.get("@codex/a") ?? [])]).toEqual(["@codex/b", "@codex/c"]);
  expect([...(picture.get("@codex/b") ?? [])]).toEqual([]);
});

test("arrows of the picture are right", () => {
  addPackage("leaf", {});
  addPackage("middle", { dependencies: { "@codex/leaf": "*" } }, `import { x } from "@codex/leaf";`);
  addPackage("top", { dependencies: { "@codex/leaf": "*", "@codex/middle": "*" } });
  expect(checkGraph(root).violations).toEqual([]);
});

test.each([
  [
    "a declared arrow against it",
    { dependencies: { "@codex/middle": "*" } },
    "",
    /@codex\/leaf depends on @codex\/middle: no such arrow/,
  ],
  [
    "an import that is not declared",
    {},
    `import { x } from "@codex/top/sub";`,
    /@codex\/leaf imports @codex\/top, which is not among its dependencies/,
  ],
  ["a dynamic import that is not declared", {}, `await import("@codex/top");`, /@codex\/leaf imports @codex\/top/],
  ["types of an unknown package", {}, `import type { X } from "@codex/top";`, /imports types of @codex\/top/],
])("%s is found", (_, manifest, source, expected) => {
  addPackage("leaf", manifest, source);
  expect(checkGraph(root).violations.join("\n")).toMatch(expected);
});

test("a type import needs a dev dependency only, and a comment is no import", () => {
  addPackage(
    "leaf",
    { devDependencies: { "@codex/top": "*" } },
    `import type { X } from "@codex/top";\n// import { y } from "@codex/middle";`,
  );
  expect(checkGraph(root).violations).toEqual([]);
});

test("a package that is not in the picture is found", () => {
  addPackage("stray", {});
  expect(checkGraph(root).violations).toEqual(["@codex/stray does not stand in docs/architecture.md"]);
});

test("this repository follows its picture", () => {
  const { graph, violations } = checkGraph();
  expect(violations).toEqual([]);
  expect(graph.size).toBeGreaterThanOrEqual(16);
});
