/** The plugin of docs/guides/plugins.md works as it stands there. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  checkPlugins,
  createRegistries,
  discoverPlugins,
  explainEntry,
  pluginProblems,
  registerPlugins,
} from "@codex/registry";
import { link, temporaryFolder, writeFiles } from "./plugin-fixture.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const guide = readFileSync(join(repository, "docs/guides/plugins.md"), "utf8");

/** The block after a line that is nothing but a file name and a colon. */
function file(name: string): string {
  const [, contents] =
    new RegExp(`^\`${name.replaceAll(".", "\\.")}\`:\n\n\`\`\`\\w+\n([\\s\\S]*?)^\`\`\``, "m").exec(guide) ?? [];
  if (contents === undefined) throw new Error(`docs/guides/plugins.md has no file ${name}`);
  return contents;
}

test("the smallest plugin is found, explained, used, and passes its own tests", async () => {
  const project = writeFiles(temporaryFolder(), {
    "package.json": { name: "my-project", dependencies: { "codex-plugin-triangle": "1.0.0" } },
    "node_modules/codex-plugin-triangle/package.json": file("package.json"),
    "node_modules/codex-plugin-triangle/index.js": file("index.js"),
    "node_modules/codex-plugin-triangle/plugin.test.js": file("plugin.test.js"),
  });
  const registries = createRegistries({ kinds: ["schedulers"] });
  const plugins = registerPlugins(registries, await discoverPlugins({ projectDirectory: project }));
  expect(pluginProblems(await checkPlugins(plugins))).toEqual([]);

  const { create } = await registries.byName("schedulers").resolve("triangle");
  const schedule = (create as (...args: unknown[]) => (step: number) => number)({ learningRate: 2 }, { maxSteps: 4 });
  expect([0, 1, 2, 3].map(schedule)).toEqual([1, 2, 1, 0]);
  expect(await explainEntry(registries, plugins, "triangle")).toMatchObject([
    {
      source: "codex-plugin-triangle@1.0.0",
      options: [{ path: "learningRate", type: "number", default: 1e-3, description: "Peak learning rate." }],
    },
  ]);

  mkdirSync(join(project, "node_modules/@codex"));
  link(join(repository, "packages/registry"), join(project, "node_modules/@codex/registry"));
  const tests = node(
    join(project, "node_modules/codex-plugin-triangle"),
    "--test",
    "--test-reporter=tap",
    "plugin.test.js",
  );
  expect(tests.stdout).toContain("# fail 0");
  expect(tests.stdout).toContain("# tests 8");

  const [, fromCode] = /^From code[^`]*`[^`]*`[^`]*```ts\n([\s\S]*?)^```/m.exec(guide) ?? [];
  writeFiles(project, { "from-code.mjs": fromCode! });
  const { stdout, stderr } = node(project, "from-code.mjs");
  expect([stdout, stderr]).toEqual(["[ { name: 'triangle', source: 'codex-plugin-triangle@1.0.0' } ]\n", ""]);
});

/** Runs Node on the sources of this workspace. */
function node(cwd: string, ...args: string[]): { stdout: string; stderr: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // set when a test runner of Node started this process
  const loader = ["--conditions=@codex/source", "--import", join(repository, "tools/jest/register-typescript.mjs")];
  return spawnSync(process.execPath, [...loader, ...args], { cwd, encoding: "utf8", env });
}
