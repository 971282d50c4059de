import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { TextSource } from "../document.ts";
import { DataError } from "../errors.ts";
import { createInputHasher, type FoundFile } from "../input-files.ts";
import { readText } from "../read-text.ts";
import { cutDeclarations } from "./declarations.ts";

/**
 * The declaration files of the standard library (`lib.*.d.ts`, several megabytes) of the installed `typescript` package: one
 * document per top-level declaration with its comments. The files repeat each other: use it with `deduplicate`, the default.
 *
 * @param context.directory - of the project; where it has no `typescript`, the one next to this package is taken
 * @throws {DataError} while it is read: `DATA_PACKAGE_ABSENT`
 */
export function createTypescriptLibSource(context: { directory: string }): TextSource {
  const hash = createInputHasher();
  return {
    settings: { dataset: "typescript-lib" },
    async *documents() {
      for (const file of await findFiles(context.directory)) {
        let text = "";
        for await (const chunk of readText(file)) text += chunk;
        for (const declaration of cutDeclarations(text)) {
          yield { text: declaration.text, origin: `${file.name}:${declaration.line}` };
        }
      }
    },
    inputs: async (options) => hash(await findFiles(context.directory), options),
  };
}

async function findFiles(directory: string): Promise<FoundFile[]> {
  const manifestPath = resolveManifest(directory);
  const folder = join(dirname(manifestPath), "lib");
  const { version } = JSON.parse(await readFile(manifestPath, "utf8")) as { version: string };
  const names = (await readdir(folder)).filter((name) => /^lib\..*\.d\.ts$/.test(name)).sort();
  if (names.length === 0) {
    throw new DataError("DATA_PACKAGE_ABSENT", `${folder}: expected lib.*.d.ts files, there are none`, {
      help: "Is this TypeScript 5 or 6? `npm install typescript@6`.",
    });
  }
  return names.map((name) => ({ path: join(folder, name), name: `typescript@${version}/lib/${name}` }));
}

function resolveManifest(directory: string): string {
  for (const from of [join(directory, "package.json"), import.meta.url]) {
    try {
      return createRequire(from).resolve("typescript/package.json");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new DataError("DATA_PACKAGE_ABSENT", `the data set typescript-lib: no package "typescript" in ${directory}`, {
    help: "Install it: `npm install --save-dev typescript`.",
  });
}
