/**
 * A process that writes runs into an index. Arguments: path of the index, prefix of the run ids, how many.
 * Prints each id after it was written.
 */
import { writeSync } from "node:fs";
import { openRunIndex } from "@codex/logging/sqlite";
import { sampleSummary } from "./sample-summary.ts";

const [path, prefix, count] = process.argv.slice(2) as [string, string, string];
const index = await openRunIndex(path);
for (let n = 0; n < Number(count); n++) {
  await index.put(sampleSummary(`${prefix}-${n}`));
  writeSync(1, `${prefix}-${n}\n`);
}
await index.close();
