import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openCheckpoints } from "@codex/checkpointing";
import { runUntilKilled } from "@codex/storage/testing";
import { killLoop } from "./kill-loop.ts";

const SEED = 20_261_120;

test("60 kills at random moments leave a whole checkpoint, at most one save old", async () => {
  const base = mkdtempSync(join(tmpdir(), "codex-kill-"));
  try {
    const result = await killLoop(join(base, "checkpoints"), { kills: 60, seed: SEED });
    expect(result.kills).toBe(60);
    expect(result.step).toBeGreaterThan(30); // the children did get to work
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}, 120_000);

test("the harness notices a child that is wrong", async () => {
  const base = mkdtempSync(join(tmpdir(), "codex-kill-"));
  try {
    const directory = join(base, "checkpoints");
    const { contentsOf } = await import("./contents.ts");
    await openCheckpoints(directory).save({ ...contentsOf(7), trainer: { step: 8 } });
    await expect(killLoop(directory, { kills: 1, seed: 1 })).rejects.toThrow(/seed 1, kill 1: .*step 7 is another/s);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});

test("two processes without a lock: what is on disk afterwards is whole", async () => {
  const base = mkdtempSync(join(tmpdir(), "codex-kill-"));
  try {
    const directory = join(base, "checkpoints");
    const child = [
      "--conditions=@codex/source",
      "--import",
      fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url)),
      fileURLToPath(new URL("./kill.child.ts", import.meta.url)),
      directory,
    ];
    const kill = { line: "saved", afterMs: 300 };
    const runs = await Promise.all([runUntilKilled({ args: child, kill }), runUntilKilled({ args: child, kill })]);
    // A loser stops with the reason: the step is taken, or its own half of one was swept.
    for (const run of runs) {
      if (run.signal === null) expect(run.stderr).toMatch(/CHECKPOINT_EXISTS|STORAGE_(EXISTS|NOT_FOUND)/);
    }
    const saved = runs.flatMap((run) => run.lines.filter((line) => line.startsWith("saved")));
    expect(new Set(saved).size).toBe(saved.length);
    const checkpoints = openCheckpoints(directory);
    for (const { step } of await checkpoints.list()) expect((await checkpoints.verify(step)).step).toBe(step);
    expect((await checkpoints.loadLatest())?.step).toBeGreaterThan(0);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
