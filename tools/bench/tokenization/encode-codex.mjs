/**
 * Encodes a corpus with `@codex/tokenization`, string in and `Uint32Array` out, on one thread, and prints seconds, ids and their hash as JSON.
 *
 *   node --conditions=... encode-codex.mjs FOLDER TOKENIZER CORPUS REPEATS     CODEX_TOKENIZER_NATIVE=0 for the TypeScript code
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseTokenizer } from "@codex/tokenization";

const [folder, tokenizerName, corpus, repeats] = process.argv.slice(2);
const bytes = readFileSync(join(folder, `${corpus}.txt`));
let start = 0;
const documents = JSON.parse(readFileSync(join(folder, `${corpus}.json`), "utf8")).map((length) => {
  start += length;
  return bytes.toString("utf8", start - length, start);
});
const tokenizer = parseTokenizer(JSON.parse(readFileSync(join(folder, `${tokenizerName}.tokenizer.json`), "utf8")));
tokenizer.encode("the tables are made on first use");

const seconds = [];
let encoded = [];
for (let repeat = 0; repeat < Number(repeats); repeat++) {
  encoded = [];
  const started = performance.now();
  for (const document of documents) encoded.push(tokenizer.encode(document));
  seconds.push((performance.now() - started) / 1000);
}
const hash = createHash("sha256");
let ids = 0;
for (const one of encoded) {
  hash.update(one);
  ids += one.length;
}
const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ seconds, ids, hash: hash.digest("hex"), peakMemoryBytes }));
