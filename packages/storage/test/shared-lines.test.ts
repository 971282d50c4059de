import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AppendFs, nodeAppendFs, SharedLines } from "@codex/storage";
import { crashStates, interceptAppendFs, MemoryFs } from "@codex/storage/testing";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codex-shared-lines-"));
  path = join(directory, "deep", "log.ndjson");
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** What a reader takes: the lines that are JSON. */
function records(text: string): unknown[] {
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

async function contents(fs: MemoryFs, at = "/log"): Promise<string> {
  const file = await fs.open(at, "r").catch(() => undefined);
  if (file === undefined) return "";
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  return Buffer.from(bytes).toString();
}

test("creates folders and file at the first append, and says where the lines lie", async () => {
  const lines = new SharedLines(path);
  expect(lines.append([])).toEqual({ count: 0, range: undefined });
  expect(lines.append(['{"a":1}', '{"a":2}'])).toEqual({ count: 2, range: { start: 0, end: 16 } });
  expect(lines.append(['{"a":"\u00e4"}'])).toEqual({ count: 1, range: { start: 16, end: 27 } });
  await lines.sync();
  await lines.close();
  expect(readFileSync(path, "utf8")).toBe('{"a":1}\n{"a":2}\n{"a":"\u00e4"}\n');
  expect(() => lines.append(["{}"])).toThrow(expect.objectContaining({ code: "STORAGE_CLOSED" }));
});

test("refuses what is not one line", () => {
  const lines = new SharedLines(path);
  for (const text of ["a\nb", "a\0b"])
    expect(() => lines.append([text])).toThrow(expect.objectContaining({ code: "STORAGE_LINE_INVALID" }));
});

test("two writers on one file: every line is there, whole, and each knows where its own are", async () => {
  const [a, b] = [new SharedLines(path), new SharedLines(path)];
  a.append(['{"a":1}']);
  const first = b.append(['{"b":1}']);
  const second = a.append(['{"a":2}', '{"a":3}']);
  await Promise.all([a.sync(), b.sync()]);
  const text = readFileSync(path, "utf8");
  expect(text).toBe('{"a":1}\n{"b":1}\n{"a":2}\n{"a":3}\n');
  expect(text.slice(first.range!.start, first.range!.end)).toBe('{"b":1}\n');
  expect(text.slice(second.range!.start, second.range!.end)).toBe('{"a":2}\n{"a":3}\n');
  await Promise.all([a.close(), b.close()]);
});

test("a file cut at any byte: the next writer blanks the piece, and no earlier line is touched", async () => {
  const text = '{"a":1}\n{"b":"\u00e4\u00f6"}\n{"c":[1,2]}\n';
  const bytes = Buffer.from(text);
  for (let size = 0; size <= bytes.byteLength; size++) {
    const file = join(directory, `${size}`);
    writeFileSync(file, bytes.subarray(0, size));
    const lines = new SharedLines(file);
    lines.append(['{"next":1}']);
    lines.append(['{"next":2}']);
    await lines.close();
    const found = readFileSync(file, "utf8");
    const whole = bytes.subarray(0, size).toString().split("\n");
    const kept = records(bytes.subarray(0, size).toString()); // a last record that lacks only its line feed is one
    expect(records(found)).toEqual([...kept, { next: 1 }, { next: 2 }]);
    for (const line of found.split("\n")) expect(records(line).length + (line.trim() === "" ? 1 : 0)).toBe(1);
    expect(found.startsWith(whole.slice(0, -1).join("\n"))).toBe(true);
  }
});

test("a piece that another process leaves while the file is open does not take a line with it", async () => {
  const lines = new SharedLines(path);
  lines.append(['{"a":1}']);
  appendFileSync(path, '{"torn":"x');
  expect(lines.append(['{"a":2}', '{"a":3}'])).toEqual({ count: 2, range: undefined });
  appendFileSync(path, '{"whole":1}'); // of a program that ends its files without a line feed
  lines.append(['{"a":4}']);
  lines.append(['{"a":5}']);
  await lines.close();
  const found = readFileSync(path, "utf8");
  expect(records(found)).toEqual([{ a: 1 }, { a: 3 }, { a: 2 }, { a: 4 }, { a: 5 }]);
  expect(found).toContain('{"whole":1}{"a":4}\n'); // reported by readers, deleted by nobody
});

test("a file that is deleted or replaced is made anew", async () => {
  const lines = new SharedLines(path);
  lines.append(['{"a":1}']);
  renameSync(path, `${path}.1`);
  lines.append(['{"a":2}']);
  await lines.sync();
  rmSync(path);
  lines.append(['{"a":3}']);
  await lines.sync();
  await lines.close();
  expect([readFileSync(`${path}.1`, "utf8"), readFileSync(path, "utf8")]).toEqual(['{"a":1}\n', '{"a":3}\n']);
});

/** Writes five batches, each until it is taken. @returns what was acknowledged: written and synced */
async function writeAll(fs: AppendFs): Promise<{ acknowledged: number[]; failures: unknown[] }> {
  const lines = new SharedLines("/log", { fs });
  const acknowledged: number[] = [];
  const failures: unknown[] = [];
  for (let batch = 0; batch < 5; batch++) {
    let waiting = [0, 1, 2].map((n) => batch * 3 + n);
    let unsynced: number[] = [];
    for (let attempt = 0; attempt < 5 && waiting.length + unsynced.length > 0; attempt++) {
      try {
        if (waiting.length > 0) {
          const { count } = lines.append(waiting.map((n) => `{"n":${n},"text":"${"x".repeat(n)}"}`));
          unsynced = [...unsynced, ...waiting.slice(0, count)];
          waiting = waiting.slice(count);
        }
        await lines.sync();
        if (waiting.length === 0) {
          acknowledged.push(...unsynced);
          unsynced = [];
        }
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await lines.close();
  return { acknowledged, failures };
}

test.each(["ENOSPC", "EIO", "EACCES", "EROFS", "EINTR", undefined])(
  "any call that fails once with %s, or is cut short: all lines get there in the end, none is half",
  async (errno) => {
    for (let k = 1; ; k++) {
      const memory = new MemoryFs();
      let calls = 0;
      const fs = interceptAppendFs(memory, ({ index }) => {
        calls = index;
        if (index !== k) return undefined;
        return errno === undefined ? { short: true } : { error: errno };
      });
      const { acknowledged, failures } = await writeAll(fs);
      if (calls < k) break;
      expect(acknowledged).toEqual(Array.from({ length: 15 }, (_, n) => n));
      for (const failure of failures) expect(failure).toMatchObject({ name: "StorageError" });
      const numbers = records(await contents(memory)).map((record) => (record as { n: number }).n);
      expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(acknowledged);
      expect(numbers.length).toBeLessThanOrEqual(16); // a line that stuck to a piece is written again
    }
  },
);

test("killed at any call of mending a piece: the next writer finds a piece still, and no half line is ever kept", async () => {
  for (let k = 1; ; k++) {
    const file = join(directory, `killed-${k}`);
    writeFileSync(file, '{"a":1}\n{"torn":"x');
    let calls = 0;
    const fs = interceptAppendFs(nodeAppendFs, ({ index }) => {
      calls = index;
      return index >= k ? { error: "EIO" } : undefined; // as good as killed: nothing happens any more
    });
    const killed = new SharedLines(file, { fs });
    try {
      killed.append(['{"a":2}']);
    } catch {
      // it is dead
    }
    const next = new SharedLines(file);
    next.append(['{"a":3}']);
    await next.close();
    const lines = readFileSync(file, "utf8").split("\n");
    expect(lines.filter((line) => line.trim() !== "" && records(line).length === 0)).toEqual([]);
    expect(records(lines.join("\n"))).toEqual(expect.arrayContaining([{ a: 1 }, { a: 3 }]));
    if (calls < k) break;
  }
});

test("a disk that gets full in the middle of a batch keeps the whole lines, and goes on when there is room", async () => {
  const fs = new MemoryFs({ capacityBytes: 40 });
  const lines = new SharedLines("/log", { fs });
  expect(lines.append(['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}', '{"n":5}', '{"n":6}']).count).toBe(5);
  await fs.open("/other", "wx");
  expect(() => lines.append(['{"n":6}'])).toThrow(expect.objectContaining({ code: "STORAGE_DISK_FULL" }));
  expect(records(await contents(fs))).toEqual([1, 2, 3, 4, 5].map((n) => ({ n })));
});

test("power loss: what was synced is there, and the next writer finds its way", async () => {
  const fs = new MemoryFs();
  const lines = new SharedLines("/a/log", { fs });
  const marks: number[] = [];
  for (const n of [1, 2, 3]) {
    lines.append([`{"n":${n}}`]);
    await lines.sync();
    marks.push(fs.journal.length);
  }
  for (const state of crashStates(fs)) {
    const safe = marks.filter((mark) => mark <= state.position).length;
    const next = new SharedLines("/a/log", { fs: state.fs });
    next.append(['{"n":4}']);
    const numbers = records(await contents(state.fs, "/a/log")).map((record) => (record as { n: number }).n);
    expect(numbers).toEqual(expect.arrayContaining([...[1, 2, 3].slice(0, safe), 4]));
    expect(numbers.filter((n) => n < 4)).toEqual([1, 2, 3].slice(0, numbers.length - 1));
  }
});

test("a failed sync: what the system may have forgotten is written again at its place", async () => {
  const overwritten: number[] = [];
  let syncs = 0;
  const fs = interceptAppendFs(nodeAppendFs, ({ operation }) => {
    if (operation === "overwrite") overwritten.push(syncs);
    return operation === "fsync" && ++syncs === 2 ? { error: "EIO" } : undefined;
  });
  const lines = new SharedLines(path, { fs });
  lines.append(['{"n":1}']);
  await lines.sync();
  lines.append(['{"n":2}']);
  await expect(lines.sync()).rejects.toMatchObject({ code: "STORAGE_IO_FAILED" });
  lines.append(['{"n":3}']);
  await lines.sync();
  expect(overwritten).toEqual([2, 2]);
  expect(readFileSync(path, "utf8")).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  await lines.close();
});
