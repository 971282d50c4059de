import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is deleted after the tests of the file. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "codex-registry-")));
  folders.push(folder);
  return folder;
}

/** Writes files by path; objects become JSON. */
export function writeFiles(folder: string, files: Record<string, string | object>): string {
  for (const [path, contents] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof contents === "string" ? contents : JSON.stringify(contents));
  }
  return folder;
}

export function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path, "dir");
}

/** `package.json` of a plugin with one or more entry points under the kind `testWidgets`. */
export function pluginJson(name: string, entryPoints: Record<string, unknown>, more: object = {}): object {
  return {
    name,
    version: "1.0.0",
    type: "module",
    codex: { apiVersion: "v1", entryPoints: { testWidgets: entryPoints } },
    ...more,
  };
}

/** A module that exports the entry `name`, whose `create` tells what it is. */
export function entryModule(name: string, tells = name): string {
  return `export const ${name} = { create: () => ${JSON.stringify(tells)}, configSchema: { type: "object", properties: {} } };\n`;
}
