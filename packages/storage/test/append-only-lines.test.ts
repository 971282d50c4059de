import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppendOnlyLines, type DurableFs, readLines } from "@codex/storage";
import { crashStates, interceptFs, MemoryFs } from "@codex/storage/testing";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codex-lines-"));
  path = join(directory, "log.ndjson");
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function linesOf(file: string, fs?: DurableFs): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(file, fs ? { fs } : {})) lines.push(line.text);
  return lines;
}

test("lines are written whole, in the order of the calls, and come back with number and offsets", async () => {
  const log = await AppendOnlyLines.open(path);
  await Promise.all([log.append({ step: 1 }), log.append({ step: 2 }), log.appendLine("\u00e4,b")]);
  await log.close();
  expect(readFileSync(path, "utf8")).toBe('{"step":1}\n{"step":2}\n\u00e4,b\n');
  const found = [];
  for await (const line of readLines(path)) found.push(line);
  expect(found[2]).toEqual({ text: "\u00e4,b", number: 3, start: 22, end: 27 });
});

test("a file cut at any byte of its last three lines: readers see the whole lines, reopening cuts the rest", async () => {
  const whole = ["first", '{"step":1}', '{"step":2,"x":"\u00e4\u00f6"}', "last"];
  const text = Buffer.from(`${whole.join("\n")}\n`);
  for (let size = "first\n".length; size <= text.byteLength; size++) {
    writeFileSync(path, text.subarray(0, size));
    const expected = text.subarray(0, size).toString().split("\n").slice(0, -1);
    expect(await linesOf(path)).toEqual(expected);
    await using log = await AppendOnlyLines.open(path);
    await log.appendLine("next");
    expect(readFileSync(path, "utf8")).toBe([...expected, "next", ""].join("\n"));
  }
});

test("an unfinished line longer than a chunk is cut, also when it is the only one", async () => {
  writeFileSync(path, `a\n${"x".repeat(200_000)}`);
  await (await AppendOnlyLines.open(path)).close();
  expect(readFileSync(path, "utf8")).toBe("a\n");
  writeFileSync(path, "x".repeat(200_000));
  await (await AppendOnlyLines.open(path)).close();
  expect(readFileSync(path, "utf8")).toBe("");
});

test("lines over several chunks, with bytes of one character on both sides, are read as they were written", async () => {
  const lines = Array.from({ length: 40 }, (_, i) => "\u{1F600}".repeat(i * 997) + i);
  writeFileSync(path, `${lines.join("\n")}\n`);
  expect(await linesOf(path)).toEqual(lines);
});

test("what a power loss left behind zero bytes is cut on opening, however much follows", async () => {
  writeFileSync(path, `whole\n${"\0".repeat(10)}\n${"x".repeat(100_000)}\nlater\n`);
  await using log = await AppendOnlyLines.open(path);
  await log.appendLine("next");
  expect(readFileSync(path, "utf8")).toBe("whole\nnext\n");
});

test("truncateFrom goes back to before the first line that matches", async () => {
  await using log = await AppendOnlyLines.open(path);
  for (const step of [1, 2, 3, 2, 4]) await log.append({ step });
  expect(await log.truncateFrom((line) => JSON.parse(line.text).step > 2)).toBe(3);
  expect(await linesOf(path)).toEqual(['{"step":1}', '{"step":2}']);
  await log.append({ step: 3 });
  expect(await log.truncateFrom(() => false)).toBe(0);
  expect(await linesOf(path)).toEqual(['{"step":1}', '{"step":2}', '{"step":3}']);
});

test("what is not one line is refused, and later appends go on", async () => {
  const log = await AppendOnlyLines.open(path);
  await expect(log.appendLine("a\nb")).rejects.toMatchObject({ code: "STORAGE_LINE_INVALID" });
  await expect(log.appendLine("a\0b")).rejects.toMatchObject({ code: "STORAGE_LINE_INVALID" });
  await expect(log.append(undefined)).rejects.toMatchObject({ code: "STORAGE_LINE_INVALID" });
  await log.appendLine("c");
  await log.close();
  await log.close();
  await expect(log.appendLine("d")).rejects.toMatchObject({ code: "STORAGE_CLOSED" });
  expect(await linesOf(path)).toEqual(["c"]);
});

test("readers refuse bytes that are not UTF-8 and lines without end, naming the line", async () => {
  writeFileSync(path, Buffer.from([97, 10, 0xff, 10]));
  await expect(linesOf(path)).rejects.toMatchObject({
    code: "STORAGE_LINE_INVALID",
    message: `${path}:2: expected UTF-8, found other bytes`,
  });
  writeFileSync(path, "x".repeat(300_000));
  const read = async () => {
    for await (const _ of readLines(path, { maxLineBytes: 100_000 }));
  };
  await expect(read()).rejects.toMatchObject({ code: "STORAGE_LINE_INVALID" });
  await expect(linesOf(join(directory, "absent"))).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
  await expect(AppendOnlyLines.open(join(directory, "no", "x"))).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
});

test("a reader keeps to the lines that were there when it began, also when the writer cuts some", async () => {
  writeFileSync(path, `${"a".repeat(70_000)}\nb\n`);
  const reader = readLines(path);
  expect((await reader.next()).value?.text.length).toBe(70_000);
  appendFileSync(path, "c\n");
  expect((await reader.next()).value?.text).toBe("b");
  expect((await reader.next()).done).toBe(true);
  writeFileSync(path, `${"a\n".repeat(60_000)}`);
  const other = readLines(path);
  await other.next();
  truncateSync(path, 2);
  let count = 1;
  for await (const _ of other) count++;
  expect(count).toBe(32_768); // what one chunk of 64 KiB had
});

test("any failing or short call: earlier lines stay, and what was acknowledged is there", async () => {
  for (const errno of ["ENOSPC", "EIO", undefined]) {
    for (let k = 1; ; k++) {
      const memory = new MemoryFs();
      let calls = 0;
      const fs = interceptFs(memory, ({ index, operation }) => {
        calls = index;
        if (index !== k) return undefined;
        return errno !== undefined ? { error: errno } : operation === "write" ? { short: true } : undefined;
      });
      const acknowledged: string[] = [];
      try {
        const log = await AppendOnlyLines.open("/log", { fs, sync: "line" });
        for (const line of ["one", "two", "three"]) {
          await log.appendLine(line).then(
            () => acknowledged.push(line),
            () => {},
          );
        }
        await log.close();
      } catch {
        // open or close failed: told to the caller
      }
      const found = memory.journal.length === 0 ? [] : await linesOf("/log", memory);
      expect(found.filter((line) => acknowledged.includes(line))).toEqual(acknowledged);
      expect(found.every((line) => ["one", "two", "three"].includes(line))).toBe(true);
      if (errno === undefined && calls >= k) expect(acknowledged).toHaveLength(3);
      if (calls < k) break;
    }
  }
});

test("after a torn write the next line does not stick to the piece", async () => {
  const memory = new MemoryFs();
  let writes = 0;
  const fs = interceptFs(memory, ({ operation }) => {
    if (operation !== "write") return undefined;
    writes++;
    return writes === 1 ? { short: true } : writes === 2 ? { error: "ENOSPC" } : undefined;
  });
  const log = await AppendOnlyLines.open("/log", { fs });
  await expect(log.appendLine("a long first line")).rejects.toMatchObject({ code: "STORAGE_DISK_FULL" });
  expect((await memory.stat("/log")).size).toBeGreaterThan(0);
  await log.appendLine("b");
  expect(await linesOf("/log", memory)).toEqual(["b"]);
});

test.each(["line", "manual"] as const)(
  "power loss with sync %s: every line that was made safe is there, and none is half",
  async (sync) => {
    const fs = new MemoryFs();
    const log = await AppendOnlyLines.open("/log", { fs, sync });
    const opened = fs.journal.length;
    const marks: number[] = [];
    const lines = ["one", "two", "three", "four"];
    for (const line of lines) {
      await log.appendLine(line);
      if (sync === "manual" && line !== "two") continue;
      if (sync === "manual") await log.sync();
      marks.push(fs.journal.length);
    }
    const safeLines = sync === "line" ? 1 : 2;
    const counts = new Set<number>();
    for (const state of crashStates(fs, { from: opened })) {
      await (await AppendOnlyLines.open("/log", { fs: state.fs })).close();
      const found = await linesOf("/log", state.fs);
      counts.add(found.length);
      const safe = safeLines * marks.filter((mark) => mark <= state.position).length;
      expect(found.length).toBeGreaterThanOrEqual(safe);
      expect(found).toEqual(lines.slice(0, found.length));
    }
    expect([...counts].sort()).toEqual([0, 1, 2, 3, 4]);
  },
);
