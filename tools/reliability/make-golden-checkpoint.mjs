/**
 * Writes the golden checkpoint of the current schema, which later versions have to go on loading. Once per schema version,
 * from the repository root: node tools/reliability/make-golden-checkpoint.mjs
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const CONDITION = "--conditions=@codex/source"; // the packages' sources, without a build
if (!process.execArgv.includes(CONDITION)) {
  const register = new URL("../jest/register-typescript.mjs", import.meta.url).href;
  const args = [CONDITION, "--import", register, fileURLToPath(import.meta.url)];
  process.exit(spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1);
}

const { openCheckpoints } = await import("../../packages/checkpointing/src/index.ts");
const { contentsOf } = await import("../../packages/checkpointing/test/contents.ts");
const directory = fileURLToPath(new URL("../../packages/checkpointing/test/golden/schema-1", import.meta.url));
rmSync(directory, { recursive: true, force: true });
const { path } = await openCheckpoints(directory, { files: { "config.json": '{"model_type":"llama"}\n' } }).save(
  contentsOf(100),
);
for (const hint of ["latest.json", "best.json"]) rmSync(`${directory}/${hint}`);
console.log(path);
