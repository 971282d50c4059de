/** What is in the file; that W&B reads and uploads it is tested by tools/trackers. */
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeRunManifest } from "@codex/logging";
import { trackerContract } from "@codex/logging/testing";
import { wandb } from "@codex/logging/wandb";
import { registryEntryContract } from "@codex/registry/testing";
import { nodeFs } from "@codex/storage";
import { WandbLog } from "../src/wandb/wandb-log.ts";
import { crc32 } from "../src/wire/crc32.ts";
import { sampleManifest } from "./sample-manifest.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** The records of a file, put together from their pieces; fails where a checksum does not fit. */
function records(path: string): Buffer[] {
  const bytes = readFileSync(path);
  expect(bytes.subarray(0, 7).toString("hex")).toBe("3a572642e1be00");
  const found: Buffer[] = [];
  let pieces: Buffer[] = [];
  for (let at = 7; at < bytes.byteLength; ) {
    const left = 32_768 - (at % 32_768);
    if (left < 7) {
      expect(bytes.subarray(at, at + left).every((byte) => byte === 0)).toBe(true);
      at += left;
      continue;
    }
    const end = at + 7 + bytes.readUInt16LE(at + 4);
    expect(crc32(bytes.subarray(at + 6, end))).toBe(bytes.readUInt32LE(at));
    const type = bytes[at + 6]!;
    expect(type).toBe(pieces.length === 0 ? (type === 1 ? 1 : 2) : type === 4 ? 4 : 3);
    pieces.push(bytes.subarray(at + 7, end));
    if (type === 1 || type === 4) {
      found.push(Buffer.concat(pieces));
      pieces = [];
    }
    at = end;
  }
  expect(pieces).toEqual([]);
  return found;
}

async function write(path: string, texts: readonly string[]): Promise<void> {
  const log = await WandbLog.open(path, nodeFs);
  for (const text of texts)
    log.addRow((row, number) => row.message(1, (item) => item.string(2, text).string(16, String(number))));
  await log.flush();
  await log.close();
}

test.each([32_740, 32_743, 32_744, 32_745, 32_746, 32_747, 32_748, 32_749, 32_750, 65_500, 200_000])(
  "a record of about %d bytes is cut where blocks end, and what follows it is whole",
  async (length) => {
    const path = join(temporaryFolder(), "run.wandb");
    for (const extra of [0, 1, 2, 3, 4, 5, 6, 7, 8]) {
      writeFileSync(path, "");
      await write(path, ["x".repeat(length + extra), "behind"]);
      expect(records(path).map((record) => record.includes("behind"))).toEqual([false, true]);
      await write(path, ["later"]);
      expect(records(path)).toHaveLength(3);
    }
  },
);

test("what a killed writer left of a record is cut, and rows go on counting", async () => {
  const path = join(temporaryFolder(), "run.wandb");
  await write(path, ["a", "y".repeat(40_000), "c"]);
  const whole = readFileSync(path).byteLength;
  for (const [left, rows] of [
    [whole - 1, 2],
    [whole - 60, 1],
    [33_000, 1],
    [8, 0],
    [3, 0],
  ] as const) {
    truncateSync(path, left);
    await write(path, ["again"]);
    const found = records(path);
    expect(found).toHaveLength(rows + 1);
    expect(found.at(-1)!.subarray(-2).toString()).toContain(String(rows));
    writeFileSync(path, "");
    await write(path, ["a", "y".repeat(40_000), "c"]);
  }
});

describe("the tracker", () => {
  for (const { name, run } of registryEntryContract(wandb)) test(name, run);
  for (const { name, run } of trackerContract(wandb, {
    options: {},
    inspect({ destination }) {
      const kinds = records(join(destination, "run-contract-run.wandb")).map(
        (record) => record[2]! | (record[3]! << 8),
      );
      expect(kinds.slice(0, 3)).not.toContain(undefined);
      expect(readdirSync(destination).sort()).toEqual(["files", "run-contract-run.wandb"]);
    },
  }))
    test(name, run);

  test("the end of a run stays where nothing follows, and is replaced where the run goes on", async () => {
    const runDirectory = temporaryFolder();
    await writeRunManifest(runDirectory, sampleManifest("run-1"));
    const context = { runId: "run-1", runDirectory, stateDirectory: "", mode: "live", onNotice: () => {} } as const;
    const run = { runId: "run-1", directory: runDirectory, createdAt: "2026-11-20T23:15:03.000Z", tags: {} };
    const open = async (restarted = false) => {
      const tracker = await wandb.create({ project: "p" }, context);
      await tracker.start({ ...run, resumed: true, restarted });
      return tracker;
    };
    const first = await open();
    expect(first.destination).toBe(join(runDirectory, "wandb", "offline-run-20261120_231503-run-1"));
    await first.finish({ status: "interrupted", timestamp: "2026-11-20T23:16:03.000Z" });
    await first.close();
    const path = join(first.destination, "run-run-1.wandb");
    const ended = records(path);
    await (await open()).close();
    expect(records(path)).toEqual(ended);

    const second = await open();
    await second.logText({ tag: "sample", step: 2, text: "more", timestamp: "2026-11-20T23:17:03.000Z" });
    await second.finish({ status: "completed", timestamp: "2026-11-20T23:18:03.000Z" });
    await second.close();
    const exits = records(path).filter((record) => record.subarray(2, 4).toString("hex") === "9201"); // field 18
    expect(exits.map((record) => record.subarray(-5).toString("hex"))).toEqual(["080010b401"]); // code 0 after 180 s
    expect(records(path)).toHaveLength(ended.length + 1);

    writeFileSync(join(first.destination, "old"), "");
    await (await open(true)).close();
    expect(existsSync(join(first.destination, "old"))).toBe(false);
  });

  test("a long run id is cut to what W&B takes", async () => {
    const runDirectory = temporaryFolder();
    await writeRunManifest(runDirectory, sampleManifest("x".repeat(100)));
    const context = { runDirectory, stateDirectory: "", mode: "live", onNotice: () => {} } as const;
    const names = await Promise.all(
      ["x".repeat(100), `${"x".repeat(99)}y`, "x".repeat(64)].map(
        async (runId) =>
          /offline-run-\d+_\d+-(.*)$/.exec((await wandb.create({}, { ...context, runId })).destination)?.[1],
      ),
    );
    expect(new Set(names).size).toBe(3);
    expect(names.map((name) => name?.length)).toEqual([64, 64, 64]);
  });
});
