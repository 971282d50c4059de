import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { UiError } from "./errors.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
}

/**
 * The built page, by the path of each file. It is read once: no request names a path of the disk.
 * @throws {UiError} `UI_PAGE_MISSING`
 */
export async function readPage(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const name of await readdir(folder).catch(() => [])) {
    const type = TYPES[extname(name)];
    if (type !== undefined) files.set(`/${name}`, { type, bytes: await readFile(join(folder, name)) });
  }
  const index = files.get("/index.html");
  if (index === undefined) {
    throw new UiError("UI_PAGE_MISSING", `${folder}: expected the built page, there is none`, {
      help: "In a clone, `npm run build` makes it.",
    });
  }
  return files.set("/", index);
}
