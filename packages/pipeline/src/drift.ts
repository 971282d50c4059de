import type { RunManifest } from "@codex/logging";
import { PipelineError } from "./errors.ts";
import { flatten } from "./flatten.ts";

/** Keys that may change between the parts of a run: where things are kept, how often one looks, what is shown. */
const FREE_KEYS =
  /^(logging|tracking|checkpoints|report)\.|^data\.cacheDirectory$|^training\.(evaluationBatchSize|evaluationOnStart|sampleEverySteps|checkpointEverySteps|logEverySteps|recordSteps)$/;

function compare(saved: Map<string, unknown>, now: Map<string, unknown>): string[] {
  const show = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));
  return [...new Set([...saved.keys(), ...now.keys()])]
    .sort()
    .filter((key) => JSON.stringify(saved.get(key)) !== JSON.stringify(now.get(key)))
    .map((key) => `${key}: was ${show(saved.get(key))}, is ${show(now.get(key))}`);
}

/** Every difference between two configurations that would make the rest of a run another run. */
export function configurationDrift(saved: unknown, now: unknown): string[] {
  const shaping = (value: unknown) => new Map([...flatten(value)].filter(([key]) => !FREE_KEYS.test(key)));
  return compare(shaping(saved), shaping(now));
}

/** Every input file that appeared, went or changed since the run began. */
export function dataDrift(saved: RunManifest["data"], now: RunManifest["data"]): string[] {
  const checksums = (files: RunManifest["data"]) =>
    new Map<string, unknown>(files.map(({ path, sha256 }) => [`data file ${path}`, sha256]));
  return compare(checksums(saved), checksums(now));
}

/** @throws {PipelineError} `PIPELINE_DRIFT`, naming each difference, unless drift is allowed */
export function refuseDrift(where: string, differences: readonly string[], allowDrift: boolean): void {
  if (differences.length === 0 || allowDrift) return;
  throw new PipelineError("PIPELINE_DRIFT", `${where}: the run cannot go on as it began: ${differences.join("; ")}.`, {
    help: "Resume with what was saved, or pass --allow-drift (allowDrift) if the change is meant.",
  });
}
