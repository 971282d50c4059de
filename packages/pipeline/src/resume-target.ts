import { resolve } from "node:path";
import { loadCheckpoint } from "@codex/checkpointing";
import { composeConfig } from "@codex/config";
import { runPaths } from "@codex/logging";
import type { TrainerState } from "@codex/training";
import type { CodexConfig } from "./configuration/schema.ts";
import { configurationDrift } from "./drift.ts";
import { PipelineError } from "./errors.ts";
import type { PipelineObserver } from "./events.ts";
import { isRunDirectory, loadNewest, type RunCheckpoint, type RunEvaluation, runOfCheckpoint } from "./locate.ts";

/** What a run goes on from. */
export interface ResumeTarget {
  readonly runDirectory: string;
  /** One checkpoint that was named; the newest valid one otherwise. */
  readonly checkpoint: string | undefined;
}

/** @throws {PipelineError} `PIPELINE_RUN_NOT_FOUND` */
export async function locateResume(path: string, projectDirectory: string): Promise<ResumeTarget> {
  const directory = resolve(projectDirectory, path);
  if (await isRunDirectory(directory)) return { runDirectory: directory, checkpoint: undefined };
  const runDirectory = await runOfCheckpoint(directory);
  if (runDirectory !== undefined) return { runDirectory, checkpoint: directory };
  throw new PipelineError(
    "PIPELINE_RUN_NOT_FOUND",
    `${path}: expected a run directory (with config.yaml and manifest.json) or a checkpoint inside one`,
    {
      help: "`codex runs list` shows the runs.",
    },
  );
}

/** @param expectedShapes - of the parameters, where the model is made from the configuration @throws {CheckpointError} */
export function loadResumed(
  { runDirectory, checkpoint }: ResumeTarget,
  expectedShapes: ReadonlyMap<string, readonly number[]> | undefined,
  onEvent: PipelineObserver,
): Promise<RunCheckpoint> {
  const options = expectedShapes === undefined ? {} : { expectedShapes };
  return checkpoint === undefined
    ? loadNewest(runDirectory, (message) => onEvent({ type: "notice", code: "checkpoint.fallback", message }), options)
    : loadCheckpoint<TrainerState, RunEvaluation>(checkpoint, options);
}

/** The saved configuration is complete: nothing is composed into it. */
export function savedConfigurationDrift({ runDirectory }: ResumeTarget, config: CodexConfig): string[] {
  const saved = composeConfig({ config: runPaths(runDirectory).config, searchPath: [] });
  return configurationDrift(saved.value, config);
}
