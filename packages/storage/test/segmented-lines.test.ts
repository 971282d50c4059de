import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DurableFs, listSegments, readSegments, SegmentedLines } from "@codex/storage";
import { crashStates, interceptFs, MemoryFs } from "@codex/storage/testing";
import fc from "fast-check";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codex-segments-"));
  path = join(directory, "log.ndjson");
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function linesOf(file: string, fs?: DurableFs): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readSegments(file, fs ? { fs } : {})) lines.push(line.text);
  return lines;
}

test("a segment that is full is followed by the next; no line is lost, doubled or cut in two", async () => {
  await using log = await SegmentedLines.open(path, { maxSegmentBytes: 12 });
  await Promise.all(
    ["one", "two", "three", "a line that is longer than a segment", "four"].map((l) => log.appendLine(l)),
  );
  await log.sync();
  expect(readdirSync(directory).sort()).toEqual(["log.1.ndjson", "log.2.ndjson", "log.3.ndjson", "log.ndjson"]);
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  expect(await linesOf(path)).toEqual(["one", "two", "three", "a line that is longer than a segment", "four"]);
});

test("a segment that is old is followed by the next", async () => {
  let nowMs = 0;
  await using log = await SegmentedLines.open(path, { maxSegmentAgeMs: 1000, nowMs: () => nowMs });
  for (const at of [0, 999, 1000, 1500, 2000]) {
    nowMs = at;
    await log.appendLine(String(at));
  }
  expect(await listSegments(path)).toEqual([path, join(directory, "log.1.ndjson"), join(directory, "log.2.ndjson")]);
  expect(await linesOf(path)).toEqual(["0", "999", "1000", "1500", "2000"]);
});

test("for any lines, limits and reopenings the log reads as one file would", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.stringMatching(/^[a-zä€]{0,9}$/), { maxLength: 8 }), { maxLength: 4 }),
      fc.integer({ min: 1, max: 30 }),
      async (sessions, maxSegmentBytes) => {
        const fs = new MemoryFs();
        for (const lines of sessions) {
          await using log = await SegmentedLines.open("/log.ndjson", { fs, maxSegmentBytes });
          for (const line of lines) await log.appendLine(line);
        }
        const expected = sessions.flat();
        expect(sessions.length === 0 ? [] : await linesOf("/log.ndjson", fs)).toEqual(expected);
        for (const segment of await listSegments("/log.ndjson", fs)) {
          const { size } = await fs.stat(segment);
          expect(size <= maxSegmentBytes || size <= 28).toBe(true); // the longest line alone
        }
      },
    ),
  );
});

test("going back in time removes later segments and cuts the one that holds the line", async () => {
  await using log = await SegmentedLines.open(path, { maxSegmentBytes: 8 });
  for (const step of [1, 2, 3, 4, 5, 6, 7, 8, 9]) await log.appendLine(JSON.stringify({ n: step }));
  expect((await listSegments(path)).length).toBe(9);
  expect(await log.truncateFrom(() => false)).toBe(0);
  expect(await log.truncateFrom((line) => JSON.parse(line.text).n > 4)).toBe(5);
  await log.appendLine(JSON.stringify({ n: 5 }));
  expect(await linesOf(path)).toEqual([1, 2, 3, 4, 5].map((n) => JSON.stringify({ n })));
  expect(await log.truncateFrom(() => true)).toBe(5);
  expect(log.empty).toBe(true);
});

test.each(["line", "manual"] as const)(
  "a power loss at any moment leaves a log without a gap (sync: %s)",
  async (sync) => {
    const fs = new MemoryFs();
    const written = Array.from({ length: 6 }, (_, at) => `line ${at}`);
    const marks: number[] = []; // the journal's length when each line was accepted
    const log = await SegmentedLines.open("/log.ndjson", { fs, maxSegmentBytes: 14, sync });
    for (const line of written) {
      await log.appendLine(line);
      marks.push(fs.journal.length);
    }
    await log.truncateFrom((line) => line.text === "line 3");
    await log.close();
    let longest = 0;
    for (const state of crashStates(fs)) {
      await (await SegmentedLines.open("/log.ndjson", { fs: state.fs })).close();
      const found = await linesOf("/log.ndjson", state.fs);
      expect(found).toEqual(written.slice(0, found.length));
      longest = Math.max(longest, found.length);
      const accepted = marks.filter((mark) => mark <= state.position).length;
      const cut = state.position > (marks.at(-1) as number);
      if (sync === "line") expect(found.length).toBeGreaterThanOrEqual(cut ? 3 : accepted);
    }
    expect(longest).toBe(6);
  },
);

test("a disk that is full when the next segment is due refuses that line and takes the next one", async () => {
  let full = false;
  const memory = new MemoryFs();
  const fs = interceptFs(memory, ({ operation }) => (full && operation === "open" ? { error: "ENOSPC" } : undefined));
  const log = await SegmentedLines.open("/log.ndjson", { fs, maxSegmentBytes: 6 });
  await log.appendLine("first");
  full = true;
  await expect(log.appendLine("second")).rejects.toMatchObject({ code: "STORAGE_DISK_FULL" });
  full = false;
  await log.appendLine("third");
  await log.close();
  expect(await linesOf("/log.ndjson", memory)).toEqual(["first", "third"]);
});
