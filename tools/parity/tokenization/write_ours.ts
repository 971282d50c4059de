/**
 * Writes tokenizers of ours to packages/tokenization/test/golden/ours, for check_ours.py to open:
 *
 *   node --conditions=@codex/source --import ./tools/jest/register-typescript.mjs tools/parity/tokenization/write_ours.ts
 */
import { mkdir, writeFile } from "node:fs/promises";
import { OURS, OUTSIDE, TEXTS } from "../../../packages/tokenization/test/ours.ts";

const golden = new URL("../../../packages/tokenization/test/golden/", import.meta.url);
for (const [name, create] of Object.entries(OURS)) {
  const directory = new URL(`ours/${name}/`, golden);
  await mkdir(directory, { recursive: true });
  for (const [file, contents] of Object.entries((await create()).saveFiles())) {
    await writeFile(new URL(file, directory), contents);
  }
}
await writeFile(new URL("ours-texts.json", golden), `${JSON.stringify({ texts: TEXTS, outside: OUTSIDE })}\n`);
