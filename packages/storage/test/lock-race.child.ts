/**
 * One of several processes that try to take the lock of the same directories, each at the same moment.
 * Arguments: base directory, own name, names of the others. Prints "<round> won" or "<round> lost to <pid>".
 */
import { existsSync, readdirSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { acquireLock, LockedError } from "@codex/storage";

const [base, name, ...others] = process.argv.slice(2) as [string, string, ...string[]];
for (const round of readdirSync(base).sort()) {
  const directory = join(base, round);
  writeFileSync(join(directory, name), "");
  while (!others.every((other) => existsSync(join(directory, other)))); // a barrier: all start within microseconds
  try {
    await acquireLock(directory); // kept until the process ends
    writeSync(1, `${round} won\n`);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    writeSync(1, `${round} lost to ${error.owner?.pid}\n`);
  }
}
writeFileSync(join(base, readdirSync(base).sort().at(-1)!, `${name}-done`), "");
const last = join(base, readdirSync(base).sort().at(-1)!);
while (!others.every((other) => existsSync(join(last, `${other}-done`)))); // else its locks would be taken over as stale
