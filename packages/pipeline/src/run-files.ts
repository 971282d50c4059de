/** The files at the top of a run directory: configuration, overrides, tokenizer, manifest. */
import { join, resolve } from "node:path";
import {
  collectRunManifest,
  createRunDirectory,
  type RunDirectory,
  type RunManifest,
  readRunManifest,
  runPaths,
  writeRunManifest,
} from "@codex/logging";
import { makeDirectory, nodeFs, removeTree, writeFileDurably } from "@codex/storage";
import type { DeviceSelection } from "@codex/tensor";
import type { Tokenizer } from "@codex/tokenization";
import type { Configuration } from "./configuration/load.ts";
import { packageDirectory } from "./package-directory.ts";
import { tokenizerHash } from "./prepare-tokenizer.ts";

/** What is known of a new run before its first step. */
export interface RunDescription {
  readonly tokenizer: Tokenizer;
  readonly inputs: RunManifest["data"];
  readonly device: DeviceSelection;
}

/** Makes the directory of a new run; one that cannot be made completely (the disk is full) is taken away again. */
export async function startRun(configuration: Configuration, description: RunDescription): Promise<RunDirectory> {
  const { value: config, directory } = configuration;
  const { runsDirectory, runId } = config.logging;
  const run = await createRunDirectory(resolve(directory, runsDirectory), runId === undefined ? {} : { runId });
  try {
    await describeRun(run, configuration, description);
  } catch (error) {
    await removeTree(run.directory, nodeFs).catch(() => {}); // the first error is the one to tell
    throw error;
  }
  return run;
}

async function describeRun(
  run: RunDirectory,
  configuration: Configuration,
  { tokenizer, inputs, device }: RunDescription,
): Promise<void> {
  const { value: config, yaml, directory } = configuration;
  await writeFileDurably(run.config, yaml);
  await writeOverrides(run.overrides, configuration);
  await makeDirectory(run.tokenizer);
  for (const [name, contents] of Object.entries(tokenizer.saveFiles()))
    await writeFileDurably(join(run.tokenizer, name), contents);
  const manifest = await collectRunManifest({
    runId: run.runId,
    seeds: { init: config.seed, data: config.seed, dropout: config.seed, sampling: config.report.generation.seed },
    data: inputs,
    details: { device, tokenizer_sha256: tokenizerHash(tokenizer) },
    projectDirectory: directory,
    packageDirectories: [packageDirectory],
  });
  await writeRunManifest(run.directory, manifest); // last: a directory with a manifest is a run
}

/** A resumed run keeps its manifest; what drifted stands in the events, and the configuration is the one that holds from here on. */
export async function continueRun(runDirectory: string, configuration: Configuration): Promise<RunDirectory> {
  const paths = runPaths(runDirectory);
  const { run_id: runId } = await readRunManifest(runDirectory);
  await writeFileDurably(paths.config, configuration.yaml);
  if (configuration.overrides.length > 0) await writeOverrides(paths.overrides, configuration);
  return { runId, ...paths };
}

async function writeOverrides(path: string, { overrides }: Configuration): Promise<void> {
  await writeFileDurably(path, overrides.map((override) => `${override}\n`).join(""));
}
