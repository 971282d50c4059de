import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TextSource } from "../document.ts";
import { DataError } from "../errors.ts";
import { createTextSource } from "../text-source.ts";

/** The build puts a copy of the repository's only one into `dist`; the sources read that one. */
const PLACES = ["../tinyshakespeare.txt", "../../../../examples/data/tinyshakespeare/input.txt"];
const SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed";

/**
 * Tiny Shakespeare (in the public domain): 1,115,394 characters of his plays in one document, the first text of nanoGPT.
 * It ships with this package. @throws {DataError} while it is read: `DATA_CHANGED` if it is not the known text
 */
export function createShakespeareSource(): TextSource {
  const path = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((place) => existsSync(place));
  if (path === undefined) throw new DataError("DATA_FILE_NOT_FOUND", "tinyshakespeare.txt: missing from @codex/data");
  const file = createTextSource({ path, format: "text" });
  const inputs: TextSource["inputs"] = async (options) => {
    const [input] = await file.inputs(options);
    if (input?.sha256 === SHA256) return [{ ...input, path: "tinyshakespeare.txt" }];
    throw new DataError("DATA_CHANGED", `${path}: expected the sha256 ${SHA256}, got ${input?.sha256}`);
  };
  return {
    settings: { dataset: "shakespeare" },
    inputs,
    async *documents() {
      await inputs();
      for await (const document of file.documents()) yield { ...document, origin: "tinyshakespeare.txt" };
    },
  };
}
