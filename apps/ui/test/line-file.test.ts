import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LineFile } from "../src/line-file.ts";
import { temporaryFolder } from "./run-folder.ts";

function follow(name = "log.ndjson") {
  const folder = temporaryFolder();
  const path = join(folder, name);
  const seen: string[] = [];
  let restarts = 0;
  const file = new LineFile(folder, path, {
    lines(bytes, firstLine) {
      const lines = bytes.toString().split("\n").slice(0, -1);
      seen.push(...lines.map((line, index) => `${firstLine + index} ${line}`));
      return lines.length;
    },
    restart() {
      seen.length = 0;
      restarts++;
    },
  });
  return { folder, path, seen, file, restarts: () => restarts };
}

test("what is appended is read once, a line that is not finished waits for its end", async () => {
  const { path, seen, file } = follow();
  expect(await file.advance()).toBe(true); // no such file yet
  writeFileSync(path, "one\ntw");
  await file.advance();
  expect(seen).toEqual(["1 one"]);
  appendFileSync(path, "o\nthree\n");
  expect(await file.hasNews()).toBe(true);
  await file.advance();
  expect(seen).toEqual(["1 one", "2 two", "3 three"]);
  expect(await file.hasNews()).toBe(false);
});

test.each([
  ["cut", (path: string) => truncateSync(path, 4), ["1 one"]],
  [
    "cut and grown longer than before",
    (path: string) => writeFileSync(path, "one\nnew2\nnew3\nnew4\n"),
    ["1 one", "2 new2", "3 new3", "4 new4"],
  ],
  [
    "rewritten in the same length",
    (path: string) => writeFileSync(path, "one\ntwo\nTHREE\n"),
    ["1 one", "2 two", "3 THREE"],
  ],
  ["gone", (path: string) => rmSync(path), []],
])("a file that was %s is read anew", async (_, change, expected) => {
  const { path, seen, file, restarts } = follow();
  writeFileSync(path, "one\ntwo\nthree\n");
  await file.advance();
  // A clock of the file system may be as coarse as 10 ms.
  await new Promise((resolve) => setTimeout(resolve, 20));
  change(path);
  await file.advance();
  expect(seen).toEqual(expected);
  expect(restarts()).toBe(1);
});

test("a file that was replaced by another of the same beginning is read anew", async () => {
  const { path, seen, file, restarts } = follow();
  writeFileSync(path, "one\n");
  await file.advance();
  writeFileSync(`${path}.new`, "one\ntwo\n");
  renameSync(`${path}.new`, path);
  await file.advance();
  expect(seen).toEqual(["1 one", "2 two"]);
  expect(restarts()).toBe(1);
});

test("a long file is read in slices, and lines longer than a chunk come whole", async () => {
  const { path, seen, file } = follow();
  const long = "x".repeat(3_000_000);
  writeFileSync(path, `${Array.from({ length: 300_000 }, (_, i) => `line ${i}`).join("\n")}\n${long}\nend\n`);
  let slices = 1;
  while (!(await file.advance(0))) slices++;
  expect(slices).toBeGreaterThan(2);
  expect(seen).toHaveLength(300_002);
  expect(seen[300_000]).toBe(`300001 ${long}`);
  expect(seen.at(-1)).toBe("300002 end");
});

test("links that lead out of the folder, folders and pipes are not opened", async () => {
  const outside = follow();
  writeFileSync(outside.path, "secret\n");
  for (const make of [
    (path: string) => symlinkSync(outside.path, path),
    (path: string) => mkdirSync(path),
    (path: string) => void execFileSync("mkfifo", [path]),
  ]) {
    const { path, seen, file } = follow();
    make(path);
    expect(await file.advance()).toBe(true);
    expect(seen).toEqual([]);
  }
});
