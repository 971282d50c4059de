import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listRuns, showRun, train } from "@codex/pipeline";
import { temporaryFolder, tinyConfiguration, tinyProject } from "./tiny-project.ts";

test("a folder without runs has none, and gets no index", async () => {
  const folder = temporaryFolder();
  expect(await listRuns(join(folder, "runs"))).toEqual([]);
  await expect(showRun("nothing", join(folder, "runs"))).rejects.toMatchObject({ code: "PIPELINE_RUN_NOT_FOUND" });
});

test("runs are listed newest first, as their directories are", async () => {
  const directory = tinyProject();
  const runs = join(directory, "runs");
  const first = await train(await tinyConfiguration(directory, "logging.index=true", "logging.runId=first"));
  const controller = new AbortController();
  const second = await train(await tinyConfiguration(directory, "logging.index=true", "logging.runId=second"), {
    signal: controller.signal,
    onEvent: (event) => event.type === "step" && event.step === 2 && controller.abort(),
  });
  expect((await listRuns(runs)).map(({ runId, status, step }) => [runId, status, step])).toEqual([
    ["second", "interrupted", 2],
    ["first", "completed", 5],
  ]);
  const [, listed] = await listRuns(runs);
  expect(listed!.validationLossNats).toBeCloseTo(first.validationLossNats!, 12);
  expect((await listRuns(runs, { limit: 1 })).map(({ runId }) => runId)).toEqual(["second"]);
  expect(await showRun("first", runs)).toMatchObject({
    runId: "first",
    status: "completed",
    directory: first.runDirectory,
  });
  mkdirSync(join(runs, "odd"));
  writeFileSync(join(runs, "odd", "manifest.json"), "{");
  const notices: string[] = [];
  expect(await listRuns(runs, { onNotice: (message) => notices.push(message) })).toHaveLength(2);
  expect(notices).toEqual([expect.stringMatching(/odd is not listed: .*manifest\.json/)]);
  rmSync(second.runDirectory, { recursive: true });
  expect((await listRuns(runs)).map(({ runId }) => runId)).toEqual(["first"]);
});
