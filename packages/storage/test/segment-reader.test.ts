import { SegmentedLines, SegmentReader } from "@codex/storage";
import { MemoryFs } from "@codex/storage/testing";
import fc from "fast-check";

async function readAll(reader: SegmentReader, position: number, piece: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  for (let at = position; ; ) {
    const target = new Uint8Array(piece);
    const read = await reader.read(target, at);
    if (read === 0) return Buffer.concat(pieces).toString();
    pieces.push(target.subarray(0, read));
    at += read;
  }
}

test("a log that grows is read as the one file that it would be, from any position, however its segments are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.stringMatching(/^[a-z]{0,9}$/), { maxLength: 6 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(60),
      async (rounds, maxSegmentBytes, piece, start) => {
        const fs = new MemoryFs();
        await using reader = new SegmentReader("/log.ndjson", { fs });
        let text = "";
        let followed = "";
        for (const lines of rounds) {
          {
            await using log = await SegmentedLines.open("/log.ndjson", { fs, maxSegmentBytes });
            for (const line of lines) await log.appendLine(line);
          }
          text += lines.map((line) => `${line}\n`).join("");
          followed += await readAll(reader, followed.length, piece);
          expect(followed).toBe(text);
          expect(await readAll(reader, start, piece)).toBe(text.slice(start));
        }
      },
    ),
  );
});

test("a log that is not there has no bytes until it comes", async () => {
  const fs = new MemoryFs();
  await using reader = new SegmentReader("/log.ndjson", { fs });
  expect(await readAll(reader, 0, 8)).toBe("");
  await using log = await SegmentedLines.open("/log.ndjson", { fs });
  await log.appendLine("first");
  expect(await readAll(reader, 0, 8)).toBe("first\n");
  expect(await readAll(reader, 100, 8)).toBe("");
});
