import { readFileSync, statSync } from "node:fs";
import { DataError, TokenShard, TokenShardWriter } from "@codex/data";
import { nodeFs } from "@codex/storage";
import { interceptFs } from "@codex/storage/testing";
import { useTemporaryDirectory } from "./support/temporary.ts";

const files = useTemporaryDirectory();
const BLOCK = 65_536; // of the format

/** Ids and document starts by a rule, so that any position can be checked. */
const idAt = (i: number, vocabSize: number) => (i * 7919) % vocabSize;
const startsAt = (i: number) => i % 1000 === 0 || i === BLOCK - 1 || i === BLOCK;

async function writeShard(path: string, length: number, vocabSize: number): Promise<void> {
  const writer = await TokenShardWriter.create(path, vocabSize);
  for (let from = 0; from < length; ) {
    let to = from + 1;
    while (to < length && !startsAt(to)) to++;
    await writer.append(
      Array.from({ length: to - from }, (_, i) => idAt(from + i, vocabSize)),
      true,
    );
    from = to;
  }
  await writer.finish();
}

test.each([
  ["uint16", 65_536, 2],
  ["uint32", 65_537, 4],
])("%s: any stretch reads back, also across blocks", async (_, vocabSize, bytesPerToken) => {
  const path = files.path("a.tokens");
  const length = 2 * BLOCK + 77;
  await writeShard(path, length, vocabSize);
  const shard = new TokenShard(path);
  expect([shard.length, shard.bytesPerToken]).toEqual([length, bytesPerToken]);
  expect(shard.documentCount).toBe(Array.from({ length }, (_, i) => startsAt(i)).filter(Boolean).length);
  for (const [position, count] of [
    [0, 1],
    [BLOCK - 3, 6],
    [BLOCK - 1, 1],
    [2 * BLOCK - 9, 86],
    [length - 1, 1],
    [5, length - 5],
  ] as const) {
    const tokens = new Int32Array(count);
    const starts = new Uint8Array(count).fill(9);
    shard.read(position, tokens, starts);
    expect(Array.from(tokens)).toEqual(Array.from({ length: count }, (_, i) => idAt(position + i, vocabSize)));
    expect(Array.from(starts)).toEqual(Array.from({ length: count }, (_, i) => Number(startsAt(position + i))));
  }
  await shard.verify();
  shard.close();
});

test("the bytes of the file are those of the format", async () => {
  const path = files.path("a.tokens");
  const writer = await TokenShardWriter.create(path, 300);
  await writer.append([1, 2, 299], true);
  await writer.append([4], false);
  await writer.append([5], true);
  await writer.finish();
  const bytes = readFileSync(path);
  expect(bytes.subarray(0, 8).toString()).toBe("CDXTOKEN");
  expect(bytes.subarray(8, 32).toString("hex")).toBe(
    `${"01000000"}${"02000000"}${"0500000000000000"}${"0200000000000000"}`,
  );
  // python3 -c "import hashlib; h=b'CDXTOKEN'+bytes.fromhex('010000000200000005000000000000000200000000000000'); print(hashlib.sha256(bytes.fromhex('010002002b010400050011')+h).hexdigest())"
  expect(bytes.subarray(32, 64).toString("hex")).toBe(
    "012392dbb5a8c60d474bd15fe7425542eedb4bf1abdedf1abd5b1f0628bad852",
  );
  expect(bytes.subarray(64).toString("hex")).toBe("010002002b010400050011");
});

test("an empty shard", async () => {
  await (await TokenShardWriter.create(files.path("a.tokens"), 256)).finish();
  const shard = new TokenShard(files.path("a.tokens"));
  expect([shard.length, shard.documentCount]).toEqual([0, 0]);
  await shard.verify();
  shard.close();
});

describe("files that are not a whole shard", () => {
  const damage = async (change: (bytes: Buffer) => Buffer) => {
    const path = files.path("a.tokens");
    await writeShard(path, 3000, 256);
    return files.write("b.tokens", change(readFileSync(path)));
  };
  const at = (offset: number, value: number) => (bytes: Buffer) => {
    bytes[offset] = value;
    return bytes;
  };

  test.each([
    ["cut off", (bytes: Buffer) => bytes.subarray(0, -1), "expected 6439 bytes for 3000 tokens, the file has 6438"],
    [
      "longer",
      (bytes: Buffer) => Buffer.concat([bytes, bytes]),
      "expected 6439 bytes for 3000 tokens, the file has 12878",
    ],
    [
      "shorter than a header",
      (bytes: Buffer) => bytes.subarray(0, 10),
      "expected a header of 64 bytes, the file has 10",
    ],
    ["another format", at(0, 0), "expected it to begin with CDXTOKEN"],
    ["a newer version", at(8, 2), "expected version 1, got 2"],
    ["another dtype", at(12, 3), "expected 2 or 4 bytes per token, got 3"],
    ["a length that cannot be", at(23, 255), "tokens, the file has 6439"],
  ])("%s", async (_, change, message) => {
    const path = await damage(change);
    expect(() => new TokenShard(path)).toThrow(DataError);
    expect(() => new TokenShard(path)).toThrow(message);
  });

  test.each([64, 3000, 6438, 24])("a flipped bit at byte %d is found by verify", async (offset) => {
    const shard = new TokenShard(await damage((bytes) => at(offset, bytes[offset]! ^ 4)(bytes)));
    await expect(shard.verify()).rejects.toMatchObject({ code: "DATA_SHARD_INVALID" });
    shard.close();
  });

  test("a missing file", () => {
    expect(() => new TokenShard(files.path("none.tokens"))).toThrow(
      expect.objectContaining({ code: "DATA_FILE_NOT_FOUND" }),
    );
  });
});

test("short writes are finished, a full disk is that error", async () => {
  const short = interceptFs(nodeFs, ({ operation }) => (operation === "write" ? { short: true } : undefined));
  const writer = await TokenShardWriter.create(files.path("a.tokens"), 256, short);
  await writer.append(new Uint8Array(100).fill(7), true);
  await writer.finish();
  const shard = new TokenShard(files.path("a.tokens"));
  await shard.verify();
  shard.close();
  const full = interceptFs(nodeFs, ({ operation }) => (operation === "write" ? { error: "ENOSPC" } : undefined));
  const second = await TokenShardWriter.create(files.path("b.tokens"), 256, full);
  await expect(second.append(new Uint8Array(BLOCK), true)).rejects.toMatchObject({ code: "STORAGE_DISK_FULL" });
  await second.abort();
  expect(statSync(files.path("b.tokens")).size).toBe(0);
});
