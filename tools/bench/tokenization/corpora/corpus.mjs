/** Corpora to measure with. Those of text are gathered once, into the folder of the benchmark, and never committed. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gather } from "./gather.mjs";
import { GATHERED } from "./packages.mjs";
import { WORST } from "./worst-cases.mjs";

export const TEXTS = Object.keys(GATHERED);
export const WORST_CASES = Object.keys(WORST);

/**
 * Writes a corpus that is not there yet: `<name>.txt`, all documents one after the other, `<name>.json`, their lengths in bytes, and for
 * gathered ones `<name>.about.json`, which packages gave how much.
 * @returns {{ name: string, bytes: number, documents: number, cjkShare?: number }}
 */
export function writeCorpus(name, folder) {
  const lengths = join(folder, `${name}.json`);
  const aboutFile = join(folder, `${name}.about.json`);
  if (!existsSync(lengths)) {
    mkdirSync(folder, { recursive: true });
    if (name in GATHERED) console.error(`gathering ${name} ...`);
    const { documents, about } = name in WORST ? { documents: [WORST[name]()] } : gather(name, folder);
    const contents = documents.map((document) => Buffer.from(document));
    writeFileSync(join(folder, `${name}.txt`), Buffer.concat(contents));
    if (about !== undefined) writeFileSync(aboutFile, `${JSON.stringify(about, null, 1)}\n`);
    writeFileSync(lengths, JSON.stringify(contents.map(({ length }) => length)));
  }
  const sizes = JSON.parse(readFileSync(lengths, "utf8"));
  const bytes = sizes.reduce((sum, length) => sum + length, 0);
  const about = existsSync(aboutFile) ? JSON.parse(readFileSync(aboutFile, "utf8")) : {};
  return { name, bytes, documents: sizes.length, ...(about.cjkShare !== undefined && { cjkShare: about.cjkShare }) };
}
