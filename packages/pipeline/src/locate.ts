/** From what a person types (a run, a checkpoint, a folder of weights) to the folders that hold model, tokenizer and configuration. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  type LoadCheckpointOptions,
  type LoadedCheckpoint,
  openCheckpoints,
  verifyCheckpoint,
} from "@codex/checkpointing";
import { readRunManifest, runPaths } from "@codex/logging";
import { exists } from "@codex/storage";
import type { TrainerState } from "@codex/training";
import { PipelineError } from "./errors.ts";

/** What the training loop tells of an evaluation to a checkpoint; "best" goes by it. */
export type RunEvaluation = { readonly lossNats: number };
/** A checkpoint of a run: `resumeFrom` of the training loop. */
export type RunCheckpoint = LoadedCheckpoint<TrainerState, RunEvaluation>;

export interface LocatedModel {
  /** Holds `config.json` and `model.safetensors`. */
  readonly modelDirectory: string;
  /** The run that it belongs to, if it does. */
  readonly runDirectory: string | undefined;
}

export async function isRunDirectory(directory: string): Promise<boolean> {
  const paths = runPaths(directory);
  return (await exists(paths.manifest)) && (await exists(paths.config));
}

/** The run that a checkpoint directory lies in: `<run>/checkpoints/step-00000100`. */
export async function runOfCheckpoint(directory: string): Promise<string | undefined> {
  const run = dirname(dirname(resolve(directory)));
  return basename(dirname(resolve(directory))) === "checkpoints" && (await isRunDirectory(run)) ? run : undefined;
}

/**
 * The model that a path means: of a run its newest valid checkpoint, otherwise the folder itself.
 * @throws {PipelineError} `PIPELINE_FILE_NOT_FOUND`
 * @throws {CheckpointError} when a run has no valid checkpoint, or the named one is damaged
 */
export async function locateModel(path: string, onNotice: (message: string) => void = warn): Promise<LocatedModel> {
  const directory = resolve(path);
  if (await isRunDirectory(directory)) {
    const { path: modelDirectory } = await loadNewest(directory, onNotice);
    return { modelDirectory, runDirectory: directory };
  }
  if (!(await exists(join(directory, "config.json")))) {
    throw new PipelineError(
      "PIPELINE_FILE_NOT_FOUND",
      `${path}: expected a run, a checkpoint or a model folder, found no manifest.json and no config.json`,
      {
        help: "`codex runs list` shows the runs.",
      },
    );
  }
  const runDirectory = await runOfCheckpoint(directory);
  if (runDirectory !== undefined) await verifyCheckpoint(directory);
  return { modelDirectory: directory, runDirectory };
}

/**
 * The newest valid checkpoint of a run; passing over a damaged one is told.
 * @throws {CheckpointError} `CHECKPOINT_NONE_VALID`
 * @throws {PipelineError} `PIPELINE_NOTHING_TO_RESUME` when the run has saved nothing
 */
export async function loadNewest(
  runDirectory: string,
  onFallback: (message: string) => void,
  options: Pick<LoadCheckpointOptions, "expectedShapes"> = {},
): Promise<RunCheckpoint> {
  const loaded = await openCheckpoints<TrainerState, RunEvaluation>(runPaths(runDirectory).checkpoints).loadLatest({
    ...options,
    onFallback({ damaged, used }) {
      const reasons = damaged.map(
        ({ error, movedTo }) => `${error.message}${movedTo === undefined ? "" : ` (kept as ${movedTo})`}`,
      );
      onFallback(`the newest checkpoint is damaged: ${reasons.join("; ")}. Step ${used.step} is used instead`);
    },
  });
  if (loaded !== undefined) return loaded;
  throw new PipelineError(
    "PIPELINE_NOTHING_TO_RESUME",
    `${runDirectory}: expected a checkpoint, the run has saved none`,
    {
      help: "It ended before its first save: start it again.",
    },
  );
}

/**
 * The newest run below a folder that has saved something.
 * @throws {PipelineError} `PIPELINE_NOTHING_TO_RESUME`
 */
export async function latestRun(runsDirectory: string): Promise<string> {
  const names = await readdir(runsDirectory).catch(() => [] as string[]);
  const runs: { directory: string; createdAt: string }[] = [];
  for (const name of names) {
    const directory = join(runsDirectory, name);
    if (!(await isRunDirectory(directory)) || !(await exists(runPaths(directory).checkpoints))) continue;
    runs.push({ directory, createdAt: (await readRunManifest(directory)).created_at });
  }
  runs.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  const newest = runs[0];
  if (newest !== undefined) return newest.directory;
  throw new PipelineError(
    "PIPELINE_NOTHING_TO_RESUME",
    `${runsDirectory}: expected a run with a checkpoint, found none`,
    {
      help: "Start one without --resume, or name a run directory with --resume-from.",
    },
  );
}

function warn(message: string): void {
  process.emitWarning(message, { type: "CheckpointWarning", code: "CHECKPOINT_FALLBACK" });
}
