import { CheckpointError, openCheckpoints } from "@codex/checkpointing";
import { isTemporary, StorageError } from "@codex/storage";
import { crashStates, interceptFs, MemoryFs } from "@codex/storage/testing";
import { contentsOf, fingerprint } from "./contents.ts";

const options = { keepLast: 2, keepBest: 1, files: { "config.json": "{}" } };
const refuse = () => {
  throw new Error("a checkpoint was damaged");
};

/** Whatever happened: every checkpoint that is listed is whole, and the newest is at least this one. */
async function expectAllWhole(fs: MemoryFs, atLeast: number): Promise<number> {
  const checkpoints = openCheckpoints("/c", { ...options, fs });
  const latest = await checkpoints.loadLatest({ onFallback: refuse });
  expect(latest?.step ?? -1).toBeGreaterThanOrEqual(atLeast);
  if (latest) expect(fingerprint(latest)).toBe(fingerprint(contentsOf(latest.step)));
  for (const { step } of await checkpoints.list())
    expect(fingerprint(await checkpoints.load(step))).toBe(fingerprint(contentsOf(step)));
  return latest?.step ?? -1;
}

const threeSteps = (async () => {
  const fs = new MemoryFs({ capacityBytes: 1_100_000 });
  const checkpoints = openCheckpoints("/c", { ...options, fs });
  for (const step of [1, 2, 3]) await checkpoints.save(contentsOf(step));
  return fs;
})();

/** A disk of its own with steps 1 to 3 on it. */
async function withThreeSteps(): Promise<MemoryFs> {
  return (await threeSteps).afterCrash(() => "kept");
}

test.each(["ENOSPC", "EDQUOT", "EIO", "EMFILE", "EINTR", "short"])(
  "%s at each call of a save: what was there stays, and a healthy disk goes on",
  async (kind) => {
    let failures = 0;
    for (let k = 1; ; k++) {
      const memory = await withThreeSteps();
      let calls = 0;
      const fs = interceptFs(memory, ({ index }) => {
        calls = index;
        if (index !== k) return undefined;
        return kind === "short" ? { short: true } : { error: kind };
      });
      const error = await openCheckpoints("/c", { ...options, fs })
        .save(contentsOf(4))
        .then(
          () => undefined,
          (e: unknown) => e,
        );
      if (calls < k) break; // the save has fewer calls
      if (error !== undefined) {
        failures++;
        expect(error instanceof StorageError || error instanceof CheckpointError).toBe(true);
        if (kind === "ENOSPC" || kind === "EDQUOT") expect((error as StorageError).code).toMatch(/_DISK_FULL$/);
      }
      const latest = await expectAllWhole(memory, error === undefined ? 4 : 3);
      await openCheckpoints("/c", { ...options, fs: memory }).save(contentsOf(latest + 1));
      await expectAllWhole(memory, latest + 1);
      expect((await memory.readdir("/c")).filter(isTemporary)).toEqual([]);
    }
    if (kind === "short") expect(failures).toBe(0);
    else expect(failures).toBeGreaterThan(50);
  },
);

test("killed before each call of a save, retention included: nothing is lost, and the next run cleans up", async () => {
  const afterwards = new Set<number>();
  for (let k = 1; ; k++) {
    const memory = await withThreeSteps();
    let calls = 0;
    const fs = interceptFs(memory, ({ index }) => {
      calls = index;
      // A process that is gone makes no further calls: all fail from here on, the handlers' too.
      return index >= k ? { error: "EIO" } : undefined;
    });
    await openCheckpoints("/c", { ...options, fs })
      .save(contentsOf(4))
      .catch(() => {});
    if (calls < k) break;
    const latest = await expectAllWhole(memory, 3);
    afterwards.add(latest);
    await openCheckpoints("/c", { ...options, fs: memory }).save(contentsOf(latest + 1));
    expect((await memory.readdir("/c")).filter(isTemporary)).toEqual([]);
    await expectAllWhole(memory, latest + 1);
  }
  expect([...afterwards].sort()).toEqual([3, 4]);
});

test("power loss: every state the disk may be in holds a checkpoint as new as the last save that returned", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { ...options, fs });
  const returned: number[] = [];
  for (const step of [1, 2, 3, 4]) {
    await checkpoints.save(contentsOf(step));
    returned.push(fs.journal.length);
  }
  let states = 0;
  for (const state of crashStates(fs, { from: returned[0]!, perPosition: 24, seed: 5 })) {
    const safe = returned.filter((position) => position <= state.position).length;
    const after = openCheckpoints("/c", { ...options, fs: state.fs });
    const latest = await after.loadLatest({ onFallback: refuse });
    if ((latest?.step ?? 0) < safe)
      throw new Error(`step ${latest?.step} at ${state.position}: ${JSON.stringify([...state.outcomes])}`);
    expect(fingerprint(latest!)).toBe(fingerprint(contentsOf(latest!.step)));
    // An older one is whole too, or gone: retention does not leave half of it.
    for (const { step } of await after.list()) await after.verify(step);
    states++;
  }
  expect(states).toBeGreaterThan(1500);
});

test("power loss, then a run that goes on, then power loss again", async () => {
  const fs = new MemoryFs();
  await openCheckpoints("/c", { ...options, fs }).save(contentsOf(1));
  const begun = fs.journal.length;
  await openCheckpoints("/c", { ...options, fs }).save(contentsOf(2));
  let count = 0;
  for (const first of crashStates(fs, { from: begun, perPosition: 3, seed: 9 })) {
    const checkpoints = openCheckpoints("/c", { ...options, fs: first.fs });
    const { step } = (await checkpoints.loadLatest({ onFallback: refuse }))!;
    await checkpoints.save(contentsOf(step + 1));
    const loaded = await openCheckpoints("/c", { ...options, fs: first.fs.crash() }).loadLatest({ onFallback: refuse });
    expect(loaded?.step).toBe(step + 1);
    count++;
  }
  expect(count).toBeGreaterThan(100);
});

describe("a full disk", () => {
  test("is found before anything is written, with needed and free bytes and a hint", async () => {
    const fs = await withThreeSteps();
    const writes = fs.journal.length;
    const big = {
      ...contentsOf(4),
      parameters: new Map([["w", { dtype: "F32", shape: [100_000], data: new Float32Array(100_000) }]] as const),
    };
    const error = await openCheckpoints("/c", { ...options, fs })
      .save(big)
      .catch((e: unknown) => e as CheckpointError);
    expect(error).toMatchObject({
      code: "CHECKPOINT_DISK_FULL",
      message: expect.stringMatching(
        /^\/c\/step-00000004: expected 14\d{5} free bytes for this checkpoint, found 10\d{5}$/,
      ),
      help: expect.stringContaining("keepLast"),
    });
    expect(fs.journal.length).toBe(writes);
    await expectAllWhole(fs, 3);
  });

  test("that fills up meanwhile leaves no half checkpoint", async () => {
    const memory = new MemoryFs({ capacityBytes: 7000 });
    const fs = {
      ...interceptFs(memory, () => undefined),
      statfs: async () => ({ freeBytes: Number.MAX_SAFE_INTEGER }),
    };
    const checkpoints = openCheckpoints("/c", { ...options, keepLast: 99, fs });
    let step = 0;
    const error = await (async () => {
      for (; ; step++) await checkpoints.save(contentsOf(step));
    })().catch((e: unknown) => e);
    expect(error).toMatchObject({ code: expect.stringMatching(/_DISK_FULL$/) });
    expect(step).toBeGreaterThan(1);
    await expectAllWhole(memory, step - 1);
    expect((await memory.readdir("/c")).filter(isTemporary)).toEqual([]);
  });
});

test("two writers that ignore the lock: each step is saved by one of them, whole; the other is told", async () => {
  const fs = new MemoryFs();
  const writers = [0, 1].map(() => openCheckpoints("/c", { ...options, fs }));
  for (const [i, writer] of writers.entries()) await writer.save(contentsOf(i)); // both have swept
  for (let step = 2; step < 12; step++) {
    const outcomes = await Promise.allSettled(writers.map((writer) => writer.save(contentsOf(step))));
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(1);
    await expectAllWhole(fs, step);
  }
});
