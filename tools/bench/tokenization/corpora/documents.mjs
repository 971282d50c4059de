import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";

/** The documents of a corpus one by one, as long as those before are less than `most` bytes. */
export function* documentsOf(folder, corpus, most = Number.POSITIVE_INFINITY) {
  const file = openSync(join(folder, `${corpus}.txt`), "r");
  let start = 0;
  for (const length of JSON.parse(readFileSync(join(folder, `${corpus}.json`), "utf8"))) {
    if (start >= most) break;
    const bytes = Buffer.allocUnsafe(length);
    readSync(file, bytes, 0, length, start);
    start += length;
    yield bytes.toString("utf8");
  }
  closeSync(file);
}
