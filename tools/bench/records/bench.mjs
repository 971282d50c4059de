/** `npm run bench:records`: how fast records are written and found. Each part says in its own file what it measures, and takes options of its own. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
for (const part of ["sessions-write.mjs", "sessions-query.mjs"]) {
  const { status } = spawnSync(process.execPath, [join(here, part)], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
