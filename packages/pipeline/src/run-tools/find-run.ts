import { join } from "node:path";
import { exists } from "@codex/storage";
import { PipelineError } from "../errors.ts";
import { isRunDirectory } from "../locate.ts";

/**
 * The directory of a run that a person names.
 * @param run - a run directory, or the id of a run in `runsDirectory`
 * @throws {PipelineError} `PIPELINE_RUN_NOT_FOUND`
 */
export async function findRun(run: string, runsDirectory = "runs"): Promise<string> {
  for (const directory of [run, join(runsDirectory, run)]) {
    if ((await exists(directory)) && (await isRunDirectory(directory))) return directory;
  }
  throw new PipelineError(
    "PIPELINE_RUN_NOT_FOUND",
    `${run}: expected a run directory or a run id in ${runsDirectory}, found neither`,
    { help: "`codex runs list` shows the runs." },
  );
}
