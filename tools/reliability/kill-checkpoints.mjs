/**
 * Kills a process that saves checkpoints, again and again, and checks after each kill that the newest checkpoint is whole
 * and at most one save old. By hand, from the repository root:
 *
 *   node tools/reliability/kill-checkpoints.mjs [kills] [seed] [directory]
 *
 * Default: 1,000 kills, a seed from the clock (printed, and enough to repeat the choices), a directory under the system's
 * temporary one. The test suite runs the same loop for 60 kills.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CONDITION = "--conditions=@codex/source"; // the packages' sources, without a build
if (!process.execArgv.includes(CONDITION)) {
  const register = new URL("../jest/register-typescript.mjs", import.meta.url).href;
  const args = [CONDITION, "--import", register, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  process.exit(spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1);
}

const kills = Number(process.argv[2] ?? 1000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const base = process.argv[4] ?? mkdtempSync(join(tmpdir(), "codex-kill-"));
const { killLoop } = await import("../../packages/checkpointing/test/kill-loop.ts");

console.log(`${kills} kills, seed ${seed}, in ${base}`);
const started = performance.now();
const result = await killLoop(join(base, "checkpoints"), {
  kills,
  seed,
  onKill: (kill, step) => {
    if (kill % 50 === 0) console.log(`kill ${kill}: newest checkpoint is step ${step}`);
  },
});
rmSync(base, { recursive: true, force: true });
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `${result.kills} kills survived in ${seconds} s: ${result.step} steps saved, ` +
    `${result.ahead} times the kill came after the rename and before the save returned`,
);
