import { fileURLToPath } from "node:url";
import { readPlugin } from "@codex/registry";
import * as plugin from "@codex-examples/plugin-tiny";

test("package.json names entries that this package exports", async () => {
  const report = await readPlugin(fileURLToPath(new URL("..", import.meta.url)));
  expect(report.problem).toBeUndefined();
  expect(report.entryPoints.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    "metrics/distinct_ngrams",
    "models/neural-ngram",
  ]);
  for (const { target } of report.entryPoints) {
    const [file, exported] = target.split("#");
    expect(file).toBe("./dist/index.js"); // what package.json exports as "."
    expect(Object.keys(plugin)).toContain(exported);
  }
});
