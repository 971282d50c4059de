/** What every process that encodes in JavaScript does: documents in chunks, each timed, and a hash of its ids, which others have to give too. */
import { createHash } from "node:crypto";
import { documentsOf } from "../corpora/documents.mjs";

const CHUNK = 1_000_000; // bytes
const PASSES = 3; // over a corpus of one chunk, of which the best counts

/** What to do, as the harness says it. */
export const request = JSON.parse(process.argv[2] ?? "{}");

/** The ids of documents. @param encode - of several documents, ids of each, timed */
export async function measureEncoding(encode, version) {
  const { folder, corpus, megabytes, seconds: limit } = request;
  const chunks = [];
  let spent = 0;
  for (const documents of chunked(folder, corpus, megabytes * 1e6)) {
    const passes = documents.last && chunks.length === 0 ? PASSES : 1;
    let best = Number.POSITIVE_INFINITY;
    let encoded;
    for (let pass = 0; pass < passes; pass++) {
      encoded = undefined;
      const started = performance.now();
      encoded = await encode(documents.texts);
      const took = (performance.now() - started) / 1000;
      best = Math.min(best, took);
      if (took > limit) break;
    }
    const hash = createHash("sha256");
    for (const ids of encoded) hash.update(ids instanceof Uint32Array ? ids : Uint32Array.from(ids));
    chunks.push({ bytes: documents.bytes, seconds: best, hash: hash.digest("hex") });
    spent += best;
    if (spent > limit) break;
  }
  console.log(JSON.stringify({ chunks, peakMemoryBytes: process.resourceUsage().maxRSS * 1024, version }));
}

function* chunked(folder, corpus, most) {
  let texts = [];
  let bytes = 0;
  let held;
  // A chunk is given when the next one has begun, so that the last is known as such.
  for (const text of documentsOf(folder, corpus, most)) {
    if (bytes >= CHUNK) {
      if (held !== undefined) yield held;
      held = { texts, bytes, last: false };
      [texts, bytes] = [[], 0];
    }
    texts.push(text);
    bytes += Buffer.byteLength(text);
  }
  if (held !== undefined) yield held;
  if (texts.length > 0) yield { texts, bytes, last: true };
}
