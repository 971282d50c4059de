/**
 * Writes what our trainers give to packages/tokenization/test/golden/trained-ours.json, for train_fixtures.py to open:
 *
 *   node --conditions=@codex/source --import ./tools/jest/register-typescript.mjs tools/parity/tokenization/write_trained.ts
 */
import { writeFile } from "node:fs/promises";
import { serializeJson } from "../../../packages/tokenization/src/base-tokenizer.ts";
import { TRAINED } from "../../../packages/tokenization/test/trained.ts";

const files: Record<string, string> = {};
for (const [name, train] of Object.entries(TRAINED)) files[name] = serializeJson((await train()).json);
const golden = new URL("../../../packages/tokenization/test/golden/", import.meta.url);
await writeFile(new URL("trained-ours.json", golden), `${JSON.stringify(files)}\n`);
