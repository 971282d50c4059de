/**
 * Saves checkpoints, step after step, until it is killed. Goes on from the newest one, and fails if that is not whole.
 * Arguments: directory, and optionally the number of the file system call before which it kills itself, and "half" to do
 * so in the middle of it. Prints "resumed N" and, once a save has returned, "saved N".
 */
import { writeSync } from "node:fs";
import { openCheckpoints } from "@codex/checkpointing";
import { nodeFs } from "@codex/storage";
import { interceptFs } from "@codex/storage/testing";
import { contentsOf, fingerprint } from "./contents.ts";

const [directory, killAt, half] = process.argv.slice(2) as [string, string?, string?];
const fs =
  killAt === undefined
    ? nodeFs
    : interceptFs(nodeFs, ({ index }) =>
        index === Number(killAt) ? { kill: true, short: half === "half" } : undefined,
      );
const checkpoints = openCheckpoints(directory, { fs, keepLast: 2, keepBest: 1, files: { "config.json": "{}" } });
const latest = await checkpoints.loadLatest({
  onFallback: (fallback) => {
    throw new Error(`damaged: ${fallback.damaged.map(({ error }) => error.message).join("; ")}`);
  },
});
if (latest && fingerprint(latest) !== fingerprint(contentsOf(latest.step)))
  throw new Error(`step ${latest.step} is another`);
writeSync(1, `resumed ${latest?.step ?? 0}\n`);
for (let step = (latest?.step ?? 0) + 1; ; step++) {
  await checkpoints.save(contentsOf(step));
  writeSync(1, `saved ${step}\n`);
}
