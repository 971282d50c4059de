/** The kill test of promise R1: the suite runs it for 60 kills, `tools/reliability/kill-checkpoints.mjs` for 1,000. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openCheckpoints } from "@codex/checkpointing";
import { runUntilKilled } from "@codex/storage/testing";
import { contentsOf, fingerprint } from "./contents.ts";
import { createStream } from "./seeded.ts";

export interface KillLoopResult {
  kills: number;
  /** Kills after which the newest checkpoint was one that the child had not yet heard of as saved. */
  ahead: number;
  /** Last step on disk. */
  step: number;
}

const node = [
  "--conditions=@codex/source",
  "--import",
  fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url)),
  fileURLToPath(new URL("./kill.child.ts", import.meta.url)),
];

/**
 * Kills a saving process `kills` times, half of them at a random time, half before or within a random call of the file
 * system, each time going on from what is left.
 *
 * @throws {Error} with the seed and the number of the kill when a checkpoint is damaged, or older than one whose save returned
 */
export async function killLoop(
  directory: string,
  { kills, seed, onKill }: { kills: number; seed: number; onKill?: (kill: number, step: number) => void },
): Promise<KillLoopResult> {
  const random = createStream(seed);
  const result: KillLoopResult = { kills: 0, ahead: 0, step: 0 };
  for (let kill = 1; kill <= kills; kill++) {
    const fail = (why: string) => new Error(`seed ${seed}, kill ${kill}: ${why}`);
    const [r1, r2] = [random(), random()];
    const run =
      kill % 2 === 0
        ? await runUntilKilled({ args: [...node, directory], kill: { line: "saved", afterMs: r1 * 30 } })
        : await runUntilKilled({
            args: [...node, directory, String(20 + Math.floor(r1 * 300)), r2 < 0.5 ? "half" : "before"],
          });
    if (run.signal !== "SIGKILL") throw fail(`the child ended by itself: ${run.stderr}`);
    const saved = run.lines.map((line) => Number(line.split(" ")[1])).at(-1) ?? result.step;
    const checkpoints = openCheckpoints(directory);
    const latest = await checkpoints.loadLatest({
      onFallback: ({ damaged }) => {
        throw fail(`damaged: ${damaged.map(({ error }) => error.message).join("; ")}`);
      },
    });
    const step = latest?.step ?? 0;
    if (latest && fingerprint(latest) !== fingerprint(contentsOf(step))) throw fail(`step ${step} has other contents`);
    if (step < saved || step > saved + 1) throw fail(`step ${saved} was saved, the newest checkpoint is ${step}`);
    for (const summary of await checkpoints.list()) {
      if (summary.problem) throw fail(`${join(directory, String(summary.step))}: ${summary.problem.message}`);
    }
    result.kills = kill;
    if (step > saved) result.ahead++;
    result.step = step;
    onKill?.(kill, step);
  }
  return result;
}
