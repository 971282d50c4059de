/** A checkpoint of 500 MB from the disk's cache into tensors of the engine, against reading the file. */
import { join } from "node:path";
import { measure, median } from "../child.mjs";

export async function loading({ here, rounds, budget }) {
  console.log("\na 500 MB checkpoint into the engine");
  const ratios = [];
  let last;
  for (let round = 0; round < rounds; round += 1) {
    const one = await measure(process.execPath, [join(here, "codex-loading.mjs")], budget);
    if (one.reason) {
      console.log(`  not measured: ${one.reason}`);
      return [];
    }
    last = one;
    ratios.push(one.loadMs / one.readMs);
  }
  const ratio = median(ratios);
  console.log(
    `  ${(last.bytes / 1e6).toFixed(0)} MB: read ${last.readMs.toFixed(0)} ms, loaded ${last.loadMs.toFixed(0)} ms, ${ratio.toFixed(2)} times (median)`,
  );
  return [{ ...last, ratio }];
}
