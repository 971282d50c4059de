import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { files } from "@codex/logging/registry";
import { createRegistries, readPlugin, registerPlugins } from "@codex/registry";
import { registryEntryContract } from "@codex/registry/testing";
import { temporaryFolder } from "./temporary-folder.ts";

describe("the contract of an entry", () => {
  for (const { name, run } of registryEntryContract(files)) test(name, run);
});

test("package.json offers the tracker of line files", async () => {
  const registries = createRegistries({ kinds: ["trackers"] });
  const reports = registerPlugins(registries, [await readPlugin(fileURLToPath(new URL("..", import.meta.url)))]);
  expect(reports.map((report) => [report.problem, report.entryPoints])).toEqual([
    [undefined, [{ kind: "trackers", name: "files", target: "./registry#files" }]],
  ]);
  const directory = temporaryFolder();
  const { create } = await registries.of("trackers").resolve("files");
  for (const resumeAtStep of [undefined, 1]) {
    const context = {
      runDirectory: directory,
      runId: "run-1",
      ...(resumeAtStep === undefined ? {} : { resumeAtStep }),
    };
    const tracker = await create({ csv: true } as never, context);
    for (const step of resumeAtStep === undefined ? [1, 2] : [2]) {
      await tracker.metric({ step, split: "train", metric: "loss", value: step });
    }
    await tracker.sync();
    await tracker.close();
  }
  const lines = readFileSync(join(directory, "metrics.ndjson"), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).step)).toEqual([1, 2]);
  expect(readFileSync(join(directory, "metrics.csv"), "utf8").split("\n").length).toBe(4);
});
