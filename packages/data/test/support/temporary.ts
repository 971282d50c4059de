import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A directory of its own for each test of a file, removed after it. */
export function useTemporaryDirectory(): {
  path(name?: string): string;
  write(name: string, contents: string | Uint8Array): string;
} {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "codex-data-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  return {
    path: (name = "") => join(directory, name),
    write(name, contents) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, contents);
      return path;
    },
  };
}
