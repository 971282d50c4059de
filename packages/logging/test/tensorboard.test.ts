/** What is in the files, byte for byte; that TensorBoard reads it is tested by tools/trackers. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEventFile, histogramOf, tensorboard } from "@codex/logging/tensorboard";
import { trackerContract } from "@codex/logging/testing";
import { registryEntryContract } from "@codex/registry/testing";
import { MemoryFs } from "@codex/storage/testing";
import { crc32c } from "../src/wire/crc32.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const TIME = new Date(1_700_000_000_500);

/** The records of an event file; fails where a checksum does not fit. */
function records(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 8)).toBe(masked(bytes.subarray(at, at + 8)));
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(masked(data));
    found.push(data);
    at += 16 + length;
  }
  return found;
}

function masked(bytes: Buffer): number {
  const crc = BigInt(crc32c(bytes));
  return Number((((crc >> 15n) | (crc << 17n)) + 0xa282ead8n) & 0xffffffffn);
}

const eventFiles = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("events.out.tfevents."));

test("a scalar: wall time, step, summary, value, tag and simple_value", async () => {
  const folder = temporaryFolder();
  const file = await createEventFile(join(folder, "logs"), { now: TIME });
  file.scalar("a", 1, { step: 300, wallTime: TIME });
  await file.flush();
  const [version, scalar] = records(readFileSync(file.path));
  const seconds = Buffer.alloc(8);
  seconds.writeDoubleLE(1_700_000_000.5);
  expect(version!.toString("hex")).toBe(
    `09${seconds.toString("hex")}10001a0d${Buffer.from("brain.Event:2").toString("hex")}`,
  );
  expect(scalar!.toString("hex")).toBe(`09${seconds.toString("hex")}10ac022a0a0a080a0161150000803f`);
  expect(file.path).toMatch(/events\.out\.tfevents\.1700000000\.[^/]+\.\d+\.\d+$/);
  await file.close();
});

test("every kind of value has whole records, and nothing is written before flush", async () => {
  const file = await createEventFile(temporaryFolder(), { now: TIME });
  const before = readFileSync(file.path).byteLength;
  file.text("sample", "naïve ✓\n".repeat(100), { step: 1 });
  file.histogram("weights", histogramOf([1, 2, 3]), { step: 1 });
  file.hparams({ lr: 1e-3, name: "x", deep: true }, { startTime: TIME });
  file.hparamsEnd("success", TIME);
  file.scalar("far", Number.MAX_VALUE, { step: 2 ** 40, wallTime: TIME });
  expect(readFileSync(file.path).byteLength).toBe(before);
  await file.close();
  expect(records(readFileSync(file.path))).toHaveLength(6);
});

test("histograms: buckets from the smallest to the largest value, what is not finite left out", () => {
  const histogram = histogramOf([0, 1, 2, 3, 4, Number.NaN, Number.POSITIVE_INFINITY], 4);
  expect(histogram).toEqual({
    min: 0,
    max: 4,
    count: 5,
    sum: 10,
    sumOfSquares: 30,
    bucketLimits: Float64Array.from([1, 2, 3, 4]),
    bucketCounts: Float64Array.from([1, 1, 1, 2]),
  });
  expect(histogramOf([7, 7])).toMatchObject({ bucketLimits: [7], bucketCounts: [2] });
  expect(histogramOf([])).toMatchObject({ count: 0, bucketCounts: [] });
  expect(histogramOf(new Float32Array(1e6).fill(1)).count).toBe(1e6);
});

test("a full disk: the failed records are told and left out, the file goes on whole", async () => {
  const fs = new MemoryFs({ capacityBytes: 200 });
  await fs.mkdir("/logs");
  const file = await createEventFile("/logs", { fs, now: TIME });
  file.text("sample", "x".repeat(1000), { step: 1 });
  await expect(file.flush()).rejects.toMatchObject({ code: "STORAGE_DISK_FULL" });
  file.scalar("loss", 2, { step: 1, wallTime: TIME });
  await file.close();
  const reader = await fs.open(file.path, "r");
  const bytes = Buffer.alloc(await reader.size());
  await reader.read(bytes, 0);
  expect(records(bytes).map((data) => data.includes("loss"))).toEqual([false, true]);
});

describe("the tracker", () => {
  for (const { name, run } of registryEntryContract(tensorboard)) test(name, run);
  for (const { name, run } of trackerContract(tensorboard, {
    options: {},
    inspect({ destination }) {
      for (const name of eventFiles(destination)) records(readFileSync(join(destination, name)));
    },
  }))
    test(name, run);

  test("starts anew where it is told to, and leaves other files alone", async () => {
    const runDirectory = temporaryFolder();
    const context = {
      runId: "run-1",
      runDirectory,
      stateDirectory: join(runDirectory, "trackers/tensorboard"),
      mode: "replay",
      onNotice: () => {},
    } as const;
    const run = { runId: "run-1", directory: runDirectory, createdAt: TIME.toISOString(), tags: {} };
    const directory = join(runDirectory, "logs");
    for (const restarted of [false, false, true]) {
      const tracker = tensorboard.create({ directory }, context);
      expect(tracker.destination).toBe(join(directory, "run-1"));
      await tracker.start({ ...run, resumed: false, restarted });
      await tracker.close();
      writeFileSync(join(tracker.destination, "notes.txt"), "mine");
      expect(eventFiles(tracker.destination).length).toBeGreaterThan(0);
    }
    expect(eventFiles(join(directory, "run-1"))).toHaveLength(1);
    expect(readdirSync(join(directory, "run-1"))).toContain("notes.txt");
  });
});
