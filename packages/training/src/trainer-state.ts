/**
 * The part of a checkpoint that is not tensors: plain JSON. Saves happen at optimizer-step boundaries only, so there is
 * no gradient buffer, no scheduler state (a schedule is a function of the step) and no generator state (a draw is a
 * function of seed, epoch, step and position) to store.
 */
import { TrainingError } from "./errors.ts";

export interface TrainerState {
  readonly schemaVersion: 1;
  /** Optimizer steps done. */
  readonly step: number;
  /** Epoch of the next sample, from 0. */
  readonly epoch: number;
  /** Samples of that epoch already trained on. */
  readonly sampleInEpoch: number;
  /** Positions trained on since the start, targets or not. */
  readonly tokensSeen: number;
  readonly seed: number;
  readonly samplesPerEpoch: number;
  readonly optimizer: string;
  /** Options that shape the weights. A resume with others is refused unless drift is allowed. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Last step at whose boundary an evaluation was made, -1 if none: one that is due and missing is made on resume. */
  readonly evaluatedAtStep: number;
  /** The same for samples. */
  readonly sampledAtStep: number;
  /** Lowest held-out loss so far. */
  readonly bestEvaluation: { readonly step: number; readonly lossNats: number } | null;
  readonly earlyStopping: {
    /** Loss that the next evaluation must beat by `minDelta`; null before the first. */
    readonly referenceLossNats: number | null;
    readonly evaluationsWithoutImprovement: number;
  };
}

export function initialTrainerState(
  run: Pick<TrainerState, "seed" | "samplesPerEpoch" | "optimizer" | "options">,
): TrainerState {
  return {
    schemaVersion: 1,
    step: 0,
    epoch: 0,
    sampleInEpoch: 0,
    tokensSeen: 0,
    ...run,
    evaluatedAtStep: -1,
    sampledAtStep: -1,
    bestEvaluation: null,
    earlyStopping: { referenceLossNats: null, evaluationsWithoutImprovement: 0 },
  };
}

/** One difference between the run that was saved and the run that is to go on. */
export interface Drift {
  readonly key: string;
  readonly saved: unknown;
  readonly now: unknown;
}

/** Every difference that would make the resumed run another run, in a fixed order. Empty when there is none. */
export function findDrift(saved: TrainerState, now: TrainerState): Drift[] {
  const drift: Drift[] = [];
  for (const key of ["seed", "samplesPerEpoch", "optimizer"] as const) {
    if (saved[key] !== now[key]) drift.push({ key, saved: saved[key], now: now[key] });
  }
  for (const key of [...new Set([...Object.keys(saved.options), ...Object.keys(now.options)])].sort()) {
    const [before, after] = [saved.options[key], now.options[key]];
    if (JSON.stringify(before) !== JSON.stringify(after)) drift.push({ key, saved: before, now: after });
  }
  return drift;
}

const POSITION_KEYS = ["step", "epoch", "sampleInEpoch", "tokensSeen", "seed", "samplesPerEpoch"] as const;

/**
 * Checks a state that was read from a file.
 * @throws {TrainingError} `TRAINING_RESUME_INVALID`
 */
export function assertTrainerState(state: TrainerState, checkpointStep: number): void {
  const refuse = (what: string): never => {
    throw new TrainingError(
      "TRAINING_RESUME_INVALID",
      `trainer state of the checkpoint at step ${checkpointStep}: ${what}`,
      {
        help: "Resume from another checkpoint, or start a new run from the weights alone.",
      },
    );
  };
  if (typeof state !== "object" || state === null) refuse(`expected an object, found ${JSON.stringify(state)}`);
  if (state.schemaVersion !== 1) refuse(`expected schemaVersion 1, found ${JSON.stringify(state.schemaVersion)}`);
  for (const key of POSITION_KEYS) {
    if (!Number.isSafeInteger(state[key]) || state[key] < 0) {
      refuse(`expected ${key} to be a whole number from 0, found ${JSON.stringify(state[key])}`);
    }
  }
  if (state.step !== checkpointStep) refuse(`it says step ${state.step}`);
  if (state.sampleInEpoch >= state.samplesPerEpoch) {
    refuse(`sampleInEpoch ${state.sampleInEpoch} is not below samplesPerEpoch ${state.samplesPerEpoch}`);
  }
  if (typeof state.options !== "object" || state.options === null) refuse("options are missing");
  if (typeof state.earlyStopping !== "object" || state.earlyStopping === null) refuse("earlyStopping is missing");
}
