/**
 * Gradients of one optimizer step over its micro-batches. What is differentiated is the sum over targets, and the division
 * by the number of all targets comes last, so that k micro-batches give what one batch k times as large gives, also when
 * they hold different numbers of targets.
 */
import { accumulate, globalNorm } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import type { HostBatch, LossContext, Parameter, TrainableModel, TrainingBatch } from "./contracts.ts";
import { tensorsOf, toDevice } from "./device-batch.ts";
import { TrainingError } from "./errors.ts";
import type { StepRunner } from "./step-runner.ts";

const CLIP_EPSILON = 1e-6; // torch.nn.utils.clip_grad_norm_

export interface MicroStep {
  readonly batch: HostBatch;
  readonly context: LossContext;
}

/** What a step measured. */
export interface StepReport {
  /** Mean loss per target, nats. */
  readonly lossNats: number;
  /** Targets of the whole step. */
  readonly targets: number;
  /** Global L2 norm of the gradients of the mean loss, before clipping. */
  readonly gradientNorm: number;
}

/** A step that has been enqueued. Call `release` when it is done with. */
export interface StepGradients {
  /** Of the summed loss, one per parameter. They stay this object's. */
  readonly gradients: readonly tf.Tensor[];
  /**
   * What makes them those of the mean loss per target, clipped (Pascanu et al. 2013, as `torch.nn.utils.clip_grad_norm_`). Not finite if
   * loss or norm is not, or if there is no target.
   */
  readonly gradientScale: tf.Scalar;
  /** The one wait for the device. */
  report(): Promise<StepReport>;
  release(): void;
}

/**
 * Enqueues one pass forward and back per micro-step.
 * @param maxGradNorm - 0 turns clipping off
 * @throws {TrainingError} `TRAINING_BATCH_INVALID`, `TRAINING_NO_GRADIENT`
 */
export async function computeStepGradients(
  model: TrainableModel,
  parameters: readonly Parameter[],
  microSteps: readonly MicroStep[],
  maxGradNorm: number,
  runner: StepRunner,
): Promise<StepGradients> {
  const batches: TrainingBatch[] = [];
  try {
    for (const { batch } of microSteps) batches.push(toDevice(batch, model));
    const { outputs, release } = await runner.run({
      inputs: batches.flatMap(tensorsOf),
      weights: [...model.parameters().values()].map(({ variable }) => variable),
      keys: microSteps.flatMap(({ context }) => (context.dropoutKey === undefined ? [] : [context.dropoutKey])),
      *body() {
        let sum: MicroGradients | undefined;
        for (const [index, { context }] of microSteps.entries()) {
          if (sum !== undefined) yield;
          const current = computeMicroGradients(model, parameters, batches[index]!, context);
          sum = sum === undefined ? current : addAndDispose(sum, current);
        }
        const { gradients, ...sums } = sum!;
        return [...gradients, ...summarize(gradients, sums, maxGradNorm)];
      },
    });
    const [gradientScale, report] = outputs.slice(-2) as [tf.Scalar, tf.Tensor1D];
    return {
      gradients: outputs.slice(0, -2),
      gradientScale,
      async report() {
        const [loss, targets, gradientNorm] = (await report.data()) as unknown as [number, number, number];
        return { lossNats: loss / targets, targets, gradientNorm };
      },
      release,
    };
  } finally {
    tf.dispose(batches.flatMap(tensorsOf));
  }
}

/** The scale of the gradients, and what the host reads: loss sum, targets, norm. Disposes the two sums. */
function summarize(
  gradients: readonly tf.Tensor[],
  { lossSum, targetCount }: Omit<MicroGradients, "gradients">,
  maxGradNorm: number,
): [gradientScale: tf.Tensor, report: tf.Tensor] {
  const summary = tf.tidy((): [tf.Tensor, tf.Tensor] => {
    const perTarget = tf.div(1, targetCount);
    const norm = tf.mul(globalNorm(gradients), perTarget);
    const shrink = maxGradNorm > 0 ? tf.minimum(tf.div(maxGradNorm, tf.add(norm, CLIP_EPSILON)), 1) : tf.scalar(1);
    // 0 for finite numbers, else NaN. Without it an infinite norm would give the scale 0, and some devices take min(NaN, 1) for 1.
    const poison = tf.add(tf.mul(lossSum, 0), tf.mul(norm, 0));
    return [tf.add(tf.mul(shrink, perTarget), poison), tf.stack([lossSum, targetCount, norm])];
  });
  tf.dispose([lossSum, targetCount]);
  return summary;
}

export interface MicroGradients {
  /** Of the summed loss, one per parameter. */
  readonly gradients: tf.Tensor[];
  readonly lossSum: tf.Scalar;
  readonly targetCount: tf.Scalar;
}

/**
 * Forward and backward of one micro-batch. The caller disposes the result.
 * @throws {TrainingError} `TRAINING_NO_GRADIENT` for a trainable parameter that the loss does not depend on
 */
export function computeMicroGradients(
  model: TrainableModel,
  parameters: readonly Parameter[],
  batch: TrainingBatch,
  context: LossContext,
): MicroGradients {
  return tf.tidy(() => {
    let targetCount: tf.Scalar | undefined;
    const { value, grads } = tf.variableGrads(
      () => {
        const loss = model.loss(batch, context);
        const { targetCount: count } = loss;
        // The forward pass is a scope of its own, and only the loss leaves it.
        targetCount = tf.keep(count.dtype === "float32" ? tf.clone(count) : tf.cast(count, "float32"));
        return loss.lossSum;
      },
      parameters.map(({ variable }) => variable),
    );
    const gradients = parameters.map(({ name, variable }) => {
      const gradient = grads[variable.name];
      if (gradient) return gradient;
      targetCount?.dispose();
      throw new TrainingError(
        "TRAINING_NO_GRADIENT",
        `${name}: expected the loss to depend on it, since it is trainable; it does not`,
        {
          help: "Set its trainable flag to false, or use it in the model's loss.",
        },
      );
    });
    return { gradients, lossSum: value, targetCount: targetCount! };
  });
}

function addAndDispose(sum: MicroGradients, current: MicroGradients): MicroGradients {
  const gradients = sum.gradients.map((gradient, index) => {
    const added = accumulate(gradient, current.gradients[index]!);
    tf.dispose([gradient, current.gradients[index]!]);
    return added;
  });
  const lossSum: tf.Scalar = tf.add(sum.lossSum, current.lossSum);
  const targetCount: tf.Scalar = tf.add(sum.targetCount, current.targetCount);
  for (const part of [sum, current]) tf.dispose([part.lossSum, part.targetCount]);
  return { gradients, lossSum, targetCount };
}
