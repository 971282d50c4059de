import { openCheckpoints } from "@codex/checkpointing";
import { MemoryFs } from "@codex/storage/testing";
import fc from "fast-check";
import { contentsOf } from "./contents.ts";

const stepsIn = async (fs: MemoryFs) => (await openCheckpoints("/c", { fs }).list()).map((summary) => summary.step);
const withLoss = (step: number, lossNats?: number) => {
  const { evaluation: _, ...contents } = contentsOf(step);
  return lossNats === undefined ? contents : { ...contents, evaluation: { lossNats } };
};

test("keeps the newest and the best; of equal losses the newer", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs, keepLast: 2, keepBest: 2 });
  const losses = [3, 1, 2, 1, 4, 5, 6];
  for (const [i, loss] of losses.entries()) await checkpoints.save(withLoss(i, loss));
  expect(await stepsIn(fs)).toEqual([1, 3, 5, 6]);
  const file = await fs.open("/c/best.json", "r");
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
    schema_version: 1,
    step: 3,
    path: "step-00000003",
    metric: "lossNats",
    value: 1,
  });
});

test("any history: the newest two, the newest n, the best k and the pinned stay, and nothing else", async () => {
  const loss = fc.option(fc.constantFrom(1, 2, 3, Number.NaN), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ loss, pin: fc.boolean() }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom("min" as const, "max" as const),
      async (history, keepLast, keepBest, mode) => {
        const fs = new MemoryFs();
        const checkpoints = openCheckpoints("/c", { fs, keepLast, keepBest, mode });
        let alive: number[] = [];
        const pinned = new Set<number>();
        for (const [step, { loss, pin }] of history.entries()) {
          await checkpoints.save(withLoss(step, loss));
          alive.push(step);
          const better = (a: number, b: number) => (mode === "min" ? a - b : b - a);
          const best = alive
            .filter((s) => history[s]!.loss !== undefined && !Number.isNaN(history[s]!.loss))
            .sort((a, b) => better(history[a]!.loss!, history[b]!.loss!) || b - a)
            .slice(0, keepBest);
          const last = alive.slice(-Math.max(2, keepLast));
          alive = alive.filter((s) => best.includes(s) || last.includes(s) || pinned.has(s));
          expect(await stepsIn(fs)).toEqual(alive);
          if (pin) {
            await checkpoints.pin(step);
            pinned.add(step);
          }
        }
        for (const step of alive) expect((await checkpoints.verify(step)).step).toBe(step);
      },
    ),
    { numRuns: 60, seed: 11 },
  );
});

test("another metric, and unpinning", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs, keepLast: 1, metric: "accuracy", mode: "max" });
  for (const [step, accuracy] of [
    [1, 0.9],
    [2, 0.1],
    [3, 0.2],
  ] as const) {
    await checkpoints.save({ ...contentsOf(step), evaluation: { accuracy, lossNats: step } });
  }
  await checkpoints.pin(2);
  expect((await checkpoints.list()).map(({ step, pinned }) => [step, pinned])).toEqual([
    [1, false],
    [2, true],
    [3, false],
  ]);
  await checkpoints.save(contentsOf(4));
  await checkpoints.save(contentsOf(5));
  expect(await stepsIn(fs)).toEqual([1, 2, 4, 5]);
  await checkpoints.pin(2, false);
  await checkpoints.save(contentsOf(6));
  expect(await stepsIn(fs)).toEqual([1, 5, 6]);
  await expect(checkpoints.pin(99)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
});

test("damaged ones are neither counted nor deleted", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs, keepLast: 2, keepBest: 0 });
  for (const step of [1, 2]) await checkpoints.save(contentsOf(step));
  await fs.unlink("/c/step-00000002/model.safetensors");
  await checkpoints.save(contentsOf(3));
  expect(await stepsIn(fs)).toEqual([1, 2, 3]); // 1 is what 3 would fall back to
  await checkpoints.save(contentsOf(4));
  expect(await stepsIn(fs)).toEqual([2, 3, 4]);
});

test("a list of pins that cannot be read is told, not ignored", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs });
  await checkpoints.save(contentsOf(1));
  await checkpoints.pin(1);
  for (const text of ["{}", "{"]) {
    const file = await fs.open("/c/pinned.json", "r+");
    await file.truncate(0);
    await file.write(Buffer.from(text), 0);
    await expect(checkpoints.list()).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
  }
});
