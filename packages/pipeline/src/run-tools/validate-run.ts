import { CheckpointError, openCheckpoints, verifyCheckpoint } from "@codex/checkpointing";
import { runPaths } from "@codex/logging";
import type { RecordReport } from "@codex/logging/validate";
import { exists } from "@codex/storage";
import { findRun } from "./find-run.ts";

export interface RunCheck extends RecordReport {
  readonly runDirectory: string;
  readonly valid: boolean;
  /** Checkpoints whose files were all hashed and are as they were saved. */
  readonly checkpoints: number;
}

/**
 * Checks a run: its records against the published schemas and each other, and every file of its checkpoints against its hash. Changes nothing.
 * @param run - a run directory, or the id of a run in `options.runsDirectory`
 * @throws {PipelineError} `PIPELINE_RUN_NOT_FOUND`
 */
export async function validateRun(
  run: string,
  options: { readonly runsDirectory?: string; readonly maxProblems?: number } = {},
): Promise<RunCheck> {
  const { validateRunRecords } = await import("@codex/logging/validate");
  const runDirectory = await findRun(run, options.runsDirectory);
  const records = await validateRunRecords(runDirectory, options);
  const problems = [...records.problems];
  let checkpoints = 0;
  const { checkpoints: folder } = runPaths(runDirectory);
  for (const { path } of (await exists(folder)) ? await openCheckpoints(folder).list() : []) {
    try {
      await verifyCheckpoint(path);
      checkpoints++;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      problems.push({ path, message: error.message });
    }
  }
  const problemCount = records.problemCount + problems.length - records.problems.length;
  return { runDirectory, valid: problemCount === 0, lines: records.lines, checkpoints, problems, problemCount };
}
