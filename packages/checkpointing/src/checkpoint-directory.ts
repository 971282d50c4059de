/**
 * The `checkpoints/` directory of a run. A checkpoint is a directory `step-00000100` that appears with all its files or
 * not at all; `latest.json` and `best.json` are hints for people and scripts, never trusted here. One writer at a time:
 * hold the lock of the run directory while saving. Readers need none.
 */
import { join } from "node:path";
import {
  type DurableFs,
  exists,
  makeDirectory,
  nodeFs,
  removeTree,
  sweepTemporary,
  temporaryPath,
  toStorageError,
  writeFileDurably,
} from "@codex/storage";
import type { CheckpointContents, Evaluation, LoadedCheckpoint } from "./contents.ts";
import { CheckpointError } from "./errors.ts";
import type { Manifest } from "./manifest.ts";
import {
  type LoadCheckpointOptions,
  loadCheckpoint,
  readJson,
  readManifest,
  verifyCheckpoint,
} from "./read-checkpoint.ts";
import { chooseForDeletion, rankByValue } from "./retention.ts";
import { checkExtraFiles, type ExtraFiles, writeCheckpoint } from "./write-checkpoint.ts";

export interface OpenCheckpointsOptions {
  /** Checkpoints to keep, counted from the newest; at least the newest two always stay. Default: 2. */
  keepLast?: number;
  /** Best checkpoints to keep beside those. Default: 1. */
  keepBest?: number;
  /** Which value of the evaluation "best" goes by. Default: "lossNats". */
  metric?: string;
  /** Default: "min". */
  mode?: "min" | "max";
  /** Stored in every checkpoint: `config.json`, `generation_config.json`, the tokenizer's files. */
  files?: ExtraFiles;
  fs?: DurableFs;
}

export interface CheckpointSummary {
  readonly step: number;
  readonly path: string;
  readonly pinned: boolean;
  readonly evaluation: Evaluation;
  /** What a look at the manifest and the sizes found wrong; `verify` reads every byte. */
  readonly problem: CheckpointError | undefined;
}

/** A checkpoint that `loadLatest` passed over. */
export interface DamagedCheckpoint {
  readonly step: number;
  /** Where it was. */
  readonly path: string;
  /** Where it is now; undefined when the disk did not let it be renamed. */
  readonly movedTo: string | undefined;
  readonly error: CheckpointError;
}

export interface CheckpointFallback {
  readonly damaged: readonly DamagedCheckpoint[];
  readonly used: { readonly step: number; readonly path: string };
}

export interface LoadLatestOptions extends Omit<LoadCheckpointOptions, "fs"> {
  /** Told when the newest checkpoint was not the one loaded. Default: a warning of the process. */
  onFallback?: (fallback: CheckpointFallback) => void;
}

export interface CheckpointDirectory<TrainerState extends object = object, Values extends Evaluation = Evaluation> {
  readonly directory: string;
  /**
   * Saves a step. When this resolves it is safe from a kill and a power loss; only then older ones are deleted.
   * @param options.replace - a step that is there gives way to this one, once this one is safe: for a run that was stopped
   *   with an evaluation due, which its first act on resuming is to make
   * @throws {CheckpointError} `CHECKPOINT_EXISTS`, `CHECKPOINT_DISK_FULL`, `CHECKPOINT_CONTENTS_INVALID`
   * @throws {StorageError} other failures of the disk. Earlier checkpoints are as they were.
   */
  save(
    contents: CheckpointContents<TrainerState, Values>,
    options?: { readonly replace?: boolean },
  ): Promise<{ path: string }>;
  /** By step, oldest first. */
  list(): Promise<CheckpointSummary[]>;
  /** Loads one step, or any checkpoint by its path; nothing else will do. @throws as `loadCheckpoint` */
  load(
    pathOrStep: string | number,
    options?: Omit<LoadCheckpointOptions, "fs">,
  ): Promise<LoadedCheckpoint<TrainerState, Values>>;
  /**
   * Loads the checkpoint with the highest step that is whole. Damaged ones above it are renamed `*.corrupt`, and told.
   * @returns undefined when there is no checkpoint at all
   * @throws {CheckpointError} `CHECKPOINT_NONE_VALID` when all are damaged (none is touched then); also those of
   *   `loadCheckpoint` that an older checkpoint would not mend: `CHECKPOINT_SCHEMA_UNSUPPORTED`, `CHECKPOINT_SHAPE_MISMATCH`
   */
  loadLatest(options?: LoadLatestOptions): Promise<LoadedCheckpoint<TrainerState, Values> | undefined>;
  /** Reads and hashes every byte. @throws {CheckpointError} as `verifyCheckpoint` */
  verify(pathOrStep: string | number): Promise<Manifest>;
  /** Keeps a step from being deleted by retention, or no longer. */
  pin(step: number, pinned?: boolean): Promise<void>;
  /**
   * Renames all later steps `*.superseded`: for a run that goes on from an earlier checkpoint than its newest.
   * @returns their new paths
   */
  setAsideAfter(step: number): Promise<string[]>;
}

/** Ends the name of a checkpoint that is about to take the place of one of the same step. */
const REPLACEMENT = ".replacement";
const PINNED_NAME = "pinned.json";

/**
 * Opens the checkpoints of a run. Touches nothing until the first `save`, which creates the directory and sweeps what a
 * killed writer left.
 *
 * @typeParam TrainerState - what the trainer stores; @typeParam Values - the evaluation. Both are for their owner to check.
 * @throws {CheckpointError} `CHECKPOINT_CONTENTS_INVALID` for options that contradict themselves
 */
export function openCheckpoints<TrainerState extends object = object, Values extends Evaluation = Evaluation>(
  directory: string,
  options: OpenCheckpointsOptions = {},
): CheckpointDirectory<TrainerState, Values> {
  const { keepLast = 2, keepBest = 1, metric = "lossNats", mode = "min", files = {}, fs = nodeFs } = options;
  for (const [name, value, minimum] of [
    ["keepLast", keepLast, 1],
    ["keepBest", keepBest, 0],
  ] as const) {
    if (!(value >= minimum) || (Number.isFinite(value) && !Number.isInteger(value))) {
      throw new CheckpointError(
        "CHECKPOINT_CONTENTS_INVALID",
        `${name}: expected an integer >= ${minimum} or Infinity, came ${value}`,
      );
    }
  }
  checkExtraFiles(files);
  return new Directory(directory, { keepLast, keepBest, metric, mode, files, fs });
}

class Directory<TrainerState extends object, Values extends Evaluation>
  implements CheckpointDirectory<TrainerState, Values>
{
  readonly directory: string;
  readonly #options: Required<OpenCheckpointsOptions>;
  #swept = false;

  constructor(directory: string, options: Required<OpenCheckpointsOptions>) {
    this.directory = directory;
    this.#options = options;
  }

  async save(
    contents: CheckpointContents<TrainerState, Values>,
    { replace = false }: { readonly replace?: boolean } = {},
  ): Promise<{ path: string }> {
    const { fs, files } = this.#options;
    const path = this.#pathOf(contents.step);
    await makeDirectory(this.directory, { fs });
    if (!this.#swept) await sweepTemporary(this.directory, { fs });
    this.#swept = true;
    await this.#finishReplacements({ tidy: true });
    if (replace && (await exists(path, fs))) {
      await writeCheckpoint(`${path}${REPLACEMENT}`, contents, files, fs);
      await this.#putInPlace(path);
    } else {
      if (await exists(path, fs)) await this.#clearDamaged(path, contents.step);
      await writeCheckpoint(path, contents, files, fs);
    }
    await this.#writeHint("latest.json", { step: contents.step, path: stepName(contents.step) });
    await this.#retain();
    return { path };
  }

  async list(): Promise<CheckpointSummary[]> {
    const pinned = await this.#readPinned();
    const summaries: CheckpointSummary[] = [];
    for (const step of await this.#steps()) {
      const path = this.#pathOf(step);
      const base = { step, path, pinned: pinned.has(step) };
      try {
        const { evaluation } = await readManifest(path, this.#options.fs);
        summaries.push({ ...base, evaluation, problem: undefined });
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        if (!(await exists(path, this.#options.fs))) continue; // retention of a writer took it meanwhile
        summaries.push({ ...base, evaluation: {}, problem: error });
      }
    }
    return summaries;
  }

  load(
    pathOrStep: string | number,
    options: Omit<LoadCheckpointOptions, "fs"> = {},
  ): Promise<LoadedCheckpoint<TrainerState, Values>> {
    return loadCheckpoint<TrainerState, Values>(this.#pathOf(pathOrStep), { ...options, fs: this.#options.fs });
  }

  async loadLatest({
    onFallback = warn,
    ...options
  }: LoadLatestOptions = {}): Promise<LoadedCheckpoint<TrainerState, Values> | undefined> {
    const damaged: { step: number; path: string; error: CheckpointError }[] = [];
    await this.#finishReplacements({ tidy: false }).catch(() => {}); // a disk that is read-only; what is whole can be read
    for (const step of (await this.#steps()).reverse()) {
      const path = this.#pathOf(step);
      try {
        const loaded = await this.load(step, options);
        if (damaged.length > 0) onFallback({ damaged: await this.#setAsideDamaged(damaged), used: { step, path } });
        return loaded;
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        if (!(await exists(path, this.#options.fs))) continue; // retention of a writer took it meanwhile
        if (error.code !== "CHECKPOINT_CORRUPT") throw error;
        damaged.push({ step, path, error });
      }
    }
    if (damaged.length === 0) return undefined;
    throw new CheckpointError(
      "CHECKPOINT_NONE_VALID",
      `${this.directory}: expected a checkpoint that is whole, all ${damaged.length} are damaged: ${damaged.map(({ error }) => error.message).join("; ")}`,
      {
        help: "Restore one from a backup, or start again; weights can be taken from a model directory with init.from.",
      },
    );
  }

  verify(pathOrStep: string | number): Promise<Manifest> {
    return verifyCheckpoint(this.#pathOf(pathOrStep), { fs: this.#options.fs });
  }

  async pin(step: number, pinned = true): Promise<void> {
    if (pinned) await readManifest(this.#pathOf(step), this.#options.fs);
    const steps = await this.#readPinned();
    if (pinned) steps.add(step);
    else steps.delete(step);
    await this.#writeHint(PINNED_NAME, { steps: [...steps].sort((a, b) => a - b) });
  }

  async setAsideAfter(step: number): Promise<string[]> {
    const later = (await this.#steps()).filter((candidate) => candidate > step);
    const moved: string[] = [];
    for (const candidate of later.reverse()) moved.push(await this.#moveAside(this.#pathOf(candidate), "superseded"));
    return moved.reverse();
  }

  /** Both are whole on the disk here. A kill between the two renames leaves the new one, which `#finishReplacements` finds. */
  async #putInPlace(path: string): Promise<void> {
    const { fs } = this.#options;
    const old = temporaryPath(path);
    try {
      await fs.rename(path, old);
      await fs.rename(`${path}${REPLACEMENT}`, path).catch(async (error: unknown) => {
        if (!(await exists(path, fs))) throw error; // otherwise a reader has done it
      });
      await fs.fsyncDir(this.directory);
      await removeTree(old, fs);
    } catch (error) {
      throw toStorageError(error, "replace", path);
    }
  }

  /**
   * What a writer that was killed while it replaced a step left: the new one is used if the old one is gone already.
   * @param tidy - removes a new one whose old one is still there; for the writer only, it may be at work on it
   */
  async #finishReplacements({ tidy }: { readonly tidy: boolean }): Promise<void> {
    const { fs } = this.#options;
    if (!(await exists(this.directory, fs))) return;
    try {
      for (const name of await fs.readdir(this.directory)) {
        if (!name.startsWith("step-") || !name.endsWith(REPLACEMENT)) continue;
        const replacement = join(this.directory, name);
        const path = replacement.slice(0, -REPLACEMENT.length);
        if (!(await exists(path, fs))) await fs.rename(replacement, path);
        else if (tidy) await removeTree(replacement, fs);
      }
    } catch (error) {
      throw toStorageError(error, "finish a replacement in", this.directory);
    }
  }

  /** A whole checkpoint of that step is in the way; a damaged one is not. */
  async #clearDamaged(path: string, step: number): Promise<void> {
    try {
      await verifyCheckpoint(path, { fs: this.#options.fs });
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code !== "CHECKPOINT_CORRUPT") throw error;
      await this.#moveAside(path, "corrupt");
      return;
    }
    throw new CheckpointError("CHECKPOINT_EXISTS", `${path}: step ${step}: expected none, it is saved already`, {
      help: "A run that goes on from an earlier step has to set the later ones aside first (setAsideAfter).",
    });
  }

  /** Deletes by a rename, which is atomic: at every moment a step is there with all its files, or not at all. */
  async #retain(): Promise<void> {
    const { metric, mode, fs } = this.#options;
    const whole = (await this.list()).filter((summary) => summary.problem === undefined);
    const candidates = whole.map((summary) => ({ ...summary, value: summary.evaluation[metric] }));
    const best = rankByValue(candidates, mode)[0];
    if (best)
      await this.#writeHint("best.json", { step: best.step, path: stepName(best.step), metric, value: best.value });
    const doomed = chooseForDeletion(candidates, this.#options).map(({ path }) => ({
      path,
      temporary: temporaryPath(path),
    }));
    if (doomed.length === 0) return;
    try {
      for (const { path, temporary } of doomed) await fs.rename(path, temporary);
      await fs.fsyncDir(this.directory);
      for (const { temporary } of doomed) await removeTree(temporary, fs);
    } catch (error) {
      throw toStorageError(error, "delete old checkpoints in", this.directory);
    }
  }

  async #setAsideDamaged(damaged: readonly Omit<DamagedCheckpoint, "movedTo">[]): Promise<DamagedCheckpoint[]> {
    const moved: DamagedCheckpoint[] = [];
    for (const checkpoint of damaged) {
      // A read-only disk must not keep anybody from loading what is whole; the event tells that it was not renamed.
      const movedTo = await this.#moveAside(checkpoint.path, "corrupt").catch(() => undefined);
      moved.push({ ...checkpoint, movedTo });
    }
    return moved;
  }

  async #moveAside(path: string, suffix: string): Promise<string> {
    const { fs } = this.#options;
    let target = `${path}.${suffix}`;
    for (let n = 2; await exists(target, fs); n++) target = `${path}.${suffix}-${n}`;
    try {
      await fs.rename(path, target);
      await fs.fsyncDir(this.directory);
    } catch (error) {
      throw toStorageError(error, "rename", path);
    }
    return target;
  }

  #pathOf(pathOrStep: string | number): string {
    return typeof pathOrStep === "string" ? pathOrStep : join(this.directory, stepName(pathOrStep));
  }

  /** Ascending. */
  async #steps(): Promise<number[]> {
    const { fs } = this.#options;
    if (!(await exists(this.directory, fs))) return [];
    const names = await fs.readdir(this.directory).catch((error: unknown) => {
      throw toStorageError(error, "list", this.directory);
    });
    return names
      .flatMap((name) => {
        const digits = /^step-(\d{8,15})$/.exec(name)?.[1];
        return digits !== undefined && stepName(Number(digits)) === name ? [Number(digits)] : [];
      })
      .sort((a, b) => a - b);
  }

  async #readPinned(): Promise<Set<number>> {
    const { fs } = this.#options;
    const path = join(this.directory, PINNED_NAME);
    if (!(await exists(path, fs))) return new Set();
    const { steps } = await readJson<{ steps?: number[] }>(path, fs);
    if (!Array.isArray(steps)) throw new CheckpointError("CHECKPOINT_CORRUPT", `${path}: expected { "steps": [...] }`);
    return new Set(steps);
  }

  async #writeHint(name: string, content: object): Promise<void> {
    const text = `${JSON.stringify({ schema_version: 1, ...content }, null, 2)}\n`;
    await writeFileDurably(join(this.directory, name), text, { fs: this.#options.fs });
  }
}

/** @throws {CheckpointError} `CHECKPOINT_CONTENTS_INVALID` */
function stepName(step: number): string {
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new CheckpointError("CHECKPOINT_CONTENTS_INVALID", `step: expected a non-negative integer, came ${step}`);
  }
  return `step-${String(step).padStart(8, "0")}`;
}

function warn({ damaged, used }: CheckpointFallback): void {
  const reasons = damaged.map(
    ({ step, movedTo, error }) => `step ${step}: ${error.message}${movedTo ? ` (now ${movedTo})` : ""}`,
  );
  process.emitWarning(`damaged checkpoints were passed over, loaded step ${used.step} instead. ${reasons.join("; ")}`, {
    type: "CheckpointWarning",
    code: "CHECKPOINT_FALLBACK",
  });
}
