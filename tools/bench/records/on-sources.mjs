/** Runs a script on the sources of the packages, without a build. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const CONDITION = "--conditions=@codex/source";

/** Starts the script again with the right options, unless it has them. */
export function onSources(url) {
  if (process.execArgv.includes(CONDITION)) return;
  const register = new URL("../../jest/register-typescript.mjs", import.meta.url).href;
  const args = [...process.execArgv, CONDITION, "--import", register, fileURLToPath(url), ...process.argv.slice(2)];
  process.exit(spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1);
}

export async function importPackages() {
  const logging = new URL("../../../packages/logging/", import.meta.url);
  const Database = createRequire(logging)("better-sqlite3"); // of the package that uses it
  const sessions = await import(new URL("src/sessions.ts", logging).href);
  const { openStore } = await import(new URL("src/sessions/database/open-store.ts", logging).href);
  return { Database, sessions, openStore };
}
