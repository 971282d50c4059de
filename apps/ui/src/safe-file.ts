import { open, realpath, stat } from "node:fs/promises";
import { sep } from "node:path";

type OpenFile = Awaited<ReturnType<typeof open>>;

/**
 * Opens a file for reading if it is an ordinary one inside a folder. A run directory may come from somebody else: its links lead nowhere else,
 * and a pipe or device in the place of a file is not waited for.
 *
 * @param folder - a real path
 * @returns undefined when there is no such file; the caller closes the handle
 */
export async function openInside(folder: string, path: string): Promise<OpenFile | undefined> {
  try {
    const real = await realpath(path);
    const isInside = real.startsWith(folder.endsWith(sep) ? folder : folder + sep);
    return isInside && (await stat(real)).isFile() ? await open(real, "r") : undefined;
  } catch {
    return undefined;
  }
}

/** A small file as text; undefined when there is none, or a larger one. */
export async function readSmallFile(
  folder: string,
  path: string,
  maxBytes = 16 * 1024 * 1024,
): Promise<string | undefined> {
  const handle = await openInside(folder, path);
  if (handle === undefined) return undefined;
  try {
    if ((await handle.stat()).size > maxBytes) return undefined;
    return await handle.readFile("utf8");
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}
