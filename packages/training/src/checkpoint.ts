import * as tf from "@tensorflow/tfjs-core";
import type { HostTensor, Optimizer, Parameter, TrainableModel, TrainingCheckpoint } from "./contracts.ts";
import { TrainingError } from "./errors.ts";
import type { TrainerState } from "./trainer-state.ts";

/** Copies everything off the device. What comes back shares no memory with the run, which may go on at once. */
export async function takeCheckpoint(run: {
  model: TrainableModel;
  optimizer: Optimizer;
  trainer: TrainerState;
  evaluation?: { lossNats: number } | undefined;
}): Promise<TrainingCheckpoint> {
  const { model, optimizer, trainer, evaluation } = run;
  const parameters = new Map([...model.parameters().values()].map(({ name, variable }) => [name, variable]));
  return {
    step: trainer.step,
    parameters: await toHost(parameters),
    optimizer: await toHost(optimizer.state()),
    trainer,
    ...(evaluation && { evaluation: { lossNats: evaluation.lossNats } }),
  };
}

/**
 * Puts parameters and optimizer state back, byte for byte.
 * @throws {TrainingError} `TRAINING_RESUME_INVALID` naming the first tensor that is missing, unknown or of another shape or
 * dtype; nothing has been changed then. `TRAINING_OPTIMIZER_STATE_INVALID`
 */
export function restoreCheckpoint(checkpoint: TrainingCheckpoint, model: TrainableModel, optimizer: Optimizer): void {
  const parameters = [...model.parameters().values()];
  for (const parameter of parameters) assertFits(parameter, checkpoint);
  const known = new Set(parameters.map(({ name }) => name));
  for (const name of checkpoint.parameters.keys()) {
    if (!known.has(name))
      throw invalid(checkpoint, `${name}: expected a parameter of the model, it has none of that name`);
  }
  for (const [name, { dtype, shape, data }] of checkpoint.optimizer) {
    if (dtype !== "F32") throw invalid(checkpoint, `optimizer state ${name}: expected F32, found ${dtype}`);
    assertLength(checkpoint, `optimizer state ${name}`, shape, data.length);
  }
  tf.tidy(() => {
    for (const { name, variable } of parameters) variable.assign(toTensor(checkpoint.parameters.get(name)!));
    optimizer.loadState(new Map([...checkpoint.optimizer].map(([name, tensor]) => [name, toTensor(tensor)])));
  });
}

async function toHost(variables: ReadonlyMap<string, tf.Variable>): Promise<Map<string, HostTensor>> {
  const tensors = new Map<string, HostTensor>();
  for (const [name, variable] of variables) {
    const data = await variable.data();
    const shape = [...variable.shape];
    // The copy is needed: the cpu backend hands out the array that it computes on.
    if (data instanceof Float32Array) tensors.set(name, { dtype: "F32", shape, data: data.slice() });
    else if (data instanceof Int32Array) tensors.set(name, { dtype: "I32", shape, data: data.slice() });
    else throw new TrainingError("TRAINING_MODEL_INVALID", `${name}: expected float32 or int32, got ${variable.dtype}`);
  }
  return tensors;
}

function toTensor({ dtype, shape, data }: HostTensor): tf.Tensor {
  // A copy again: a backend may keep the array that it is given and compute on it.
  return tf.tensor(data.slice(), [...shape], dtype === "F32" ? "float32" : "int32");
}

function assertFits({ name, variable }: Parameter, checkpoint: TrainingCheckpoint): void {
  const saved = checkpoint.parameters.get(name);
  if (saved === undefined)
    throw invalid(checkpoint, `${name}: expected [${variable.shape}], the checkpoint has no such parameter`);
  const dtype = variable.dtype === "int32" ? "I32" : "F32";
  if (saved.dtype !== dtype || !tf.util.arraysEqual([...saved.shape], variable.shape)) {
    throw invalid(checkpoint, `${name}: expected ${dtype} [${variable.shape}], found ${saved.dtype} [${saved.shape}]`);
  }
  assertLength(checkpoint, name, saved.shape, saved.data.length);
}

function assertLength(checkpoint: TrainingCheckpoint, name: string, shape: readonly number[], length: number): void {
  const expected = tf.util.sizeFromShape([...shape]);
  if (length !== expected)
    throw invalid(checkpoint, `${name}: expected ${expected} values for [${shape}], found ${length}`);
}

function invalid({ step }: TrainingCheckpoint, what: string): TrainingError {
  return new TrainingError("TRAINING_RESUME_INVALID", `checkpoint at step ${step}, ${what}`, {
    help: "Was the checkpoint made with another model configuration? Build the model from the checkpoint's own config.json.",
  });
}
