import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { createCorpus, tokenizeCorpus } from "@codex/data";
import { shakespeare, text, typescriptLib } from "@codex/data/registry";
import { registryEntryContract } from "@codex/registry/testing";
import { cutDeclarations } from "../src/datasets/declarations.ts";
import { byteEncoder, collect } from "./support/sources.ts";
import { useTemporaryDirectory } from "./support/temporary.ts";

const files = useTemporaryDirectory();
const packageDirectory = fileURLToPath(new URL("..", import.meta.url));

describe.each([
  ["text", text],
  ["shakespeare", shakespeare],
  ["typescript-lib", typescriptLib],
])("%s", (_, entry) => {
  for (const { name, run } of registryEntryContract(entry)) test(name, run);
});

test("text reads from the directory it is given", async () => {
  files.write("a.txt", "hello");
  const source = text.create({ path: "a.txt" } as never, { directory: files.path() });
  expect(await collect(source.documents())).toEqual([{ text: "hello", origin: "a.txt", continues: false }]);
});

test("shakespeare is nanoGPT's: 1,003,854 characters to train on, 111,540 held out", async () => {
  const source = shakespeare.create({} as never, { directory: files.path() });
  const corpus = createCorpus(source, { split: { kind: "contiguous", validation: 0.1 } });
  const { manifest, splits } = await tokenizeCorpus(corpus, byteEncoder);
  expect(manifest.inputs).toEqual([
    {
      path: "tinyshakespeare.txt",
      bytes: 1_115_394,
      sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    },
  ]);
  expect(manifest.splits).toEqual({
    train: { tokens: 1_003_854, documents: 1 },
    validation: { tokens: 111_540, documents: 1 },
    test: { tokens: 0, documents: 0 },
  });
  const first = new Int32Array(14);
  splits.train.read(0, first);
  expect(String.fromCharCode(...first)).toBe("First Citizen:");
});

describe("typescript-lib", () => {
  test("its documents are the top-level declarations that the TypeScript parser finds", async () => {
    const expected = parseDeclarationFiles();
    const found: Record<string, string[]> = Object.fromEntries(Object.keys(expected).map((name) => [name, []]));
    for await (const { text, origin } of typescriptLib
      .create({} as never, { directory: packageDirectory })
      .documents()) {
      found[/^typescript@[^/]+\/lib\/(.*):\d+$/.exec(origin)![1]!]!.push(text);
    }
    expect(found).toEqual(expected);
    expect(Object.values(found).flat().length).toBeGreaterThan(4000);
  });

  test("an origin is the line that the declaration, or the comment before it, begins on", () => {
    const text =
      '/*! licence */\n/// <reference lib="x" />\n\ninterface A {\n  "}": 1;\n}\n\n/** About b; }\n */\ntype B =\n  | { c: 1 }\n  | `}`;\n';
    expect([...cutDeclarations(text)]).toEqual([
      { text: 'interface A {\n  "}": 1;\n}', line: 4 },
      { text: "/** About b; }\n */\ntype B =\n  | { c: 1 }\n  | `}`;", line: 8 },
    ]);
  });

  test("its files repeat each other, and no text is on both sides of the split", async () => {
    const source = typescriptLib.create({} as never, { directory: packageDirectory });
    const reading = createCorpus(source, { split: { validation: 0.1 } }).read();
    const read = await collect(reading);
    const validation = new Set(read.filter(({ split }) => split === "validation").map((document) => document.text));
    expect(reading.statistics.duplicateDocuments).toBeGreaterThan(500);
    expect(validation.size).toBeGreaterThan(100);
    expect(read.some((document) => document.split === "train" && validation.has(document.text))).toBe(false);
  });

  test("inputs are the declaration files, with the version of the package", async () => {
    const inputs = await typescriptLib.create({} as never, { directory: packageDirectory }).inputs();
    expect(inputs.length).toBeGreaterThan(50);
    const { version } = JSON.parse(
      readFileSync(createRequire(import.meta.url).resolve("typescript/package.json"), "utf8"),
    );
    expect(inputs.every(({ path }) => path.startsWith(`typescript@${version}/lib/lib.`))).toBe(true);
  });

  test("a project without typescript reads the one beside this package", async () => {
    expect((await typescriptLib.create({} as never, { directory: files.path() }).inputs()).length).toBeGreaterThan(50);
  });
});

/** Texts of the statements of each lib file. In a process of its own: Jest takes ten seconds to load the compiler, Node a half. */
function parseDeclarationFiles(): Record<string, string[]> {
  const script = fileURLToPath(new URL("support/parse-declarations.cjs", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [script], { encoding: "utf8", maxBuffer: 1 << 26 }));
}
