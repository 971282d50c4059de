/** `npm run quickstart`: set up this clone, then run the main job. Arguments after `--` are passed to `codex train`. */
import { join } from "node:path";
import { passThrough, repository, run, setup } from "./setup.mjs";

await run(async () => {
  await setup();
  const codex = join(repository, "apps", "cli", "bin", "codex.js");
  return await passThrough(process.execPath, [
    codex,
    "train",
    "--config",
    "configs/recipes/quickstart.yaml",
    ...process.argv.slice(2),
  ]);
});
