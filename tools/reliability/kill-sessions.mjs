/**
 * Kills processes that log sessions, four at a time to one database, and checks after each kill that no accepted event is lost and
 * no half line is kept, and in between and at the end that database and files agree. By hand, from the repository root:
 *
 *   node tools/reliability/kill-sessions.mjs [kills] [seed] [directory]
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
const base = process.argv[4] ?? mkdtempSync(join(tmpdir(), "codex-kill-sessions-"));
const { sessionKillLoop } = await import("../../packages/logging/test/sessions/kill-loop.ts");

console.log(`${kills} kills, seed ${seed}, in ${base}`);
const started = performance.now();
const onKill = (kill) => {
  if (kill % 50 === 0) console.log(`kill ${kill}`);
};
const result = await sessionKillLoop(base, { kills, seed, onKill });
rmSync(base, { recursive: true, force: true });
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `${result.kills} kills survived in ${seconds} s: ${result.accepted} events accepted, ${result.stored} stored, ` +
    `${result.torn} kills left a piece of a line`,
);
