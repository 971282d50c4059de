/**
 * Gradients of one optimizer step over its micro-batches. What is differentiated is the sum over targets, and the division
 * by the number of all targets comes last, so that k micro-batches give what one batch k times as large gives, also when
 * they hold different numbers of targets.
 */
import { clipByGlobalNorm } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import type { HostBatch, LossContext, Parameter, TrainableModel } from "./contracts.ts";
import { toDevice, yieldToEventLoop } from "./device-batch.ts";
import { TrainingError } from "./errors.ts";

export interface StepGradients {
  /** Of the mean loss per target, clipped; one per parameter. The caller disposes them. */
  readonly gradients: tf.Tensor[];
  /** Mean loss per target, nats. */
  readonly lossNats: number;
  /** Targets of the whole step. */
  readonly targets: number;
  /** Global L2 norm before clipping. */
  readonly gradientNorm: number;
}

export interface MicroStep {
  readonly batch: HostBatch;
  readonly context: LossContext;
}

/**
 * One pass forward and back per micro-step, and one wait for the device in all.
 * @param maxGradNorm - 0 turns clipping off
 */
export async function computeStepGradients(
  model: TrainableModel,
  parameters: readonly Parameter[],
  microSteps: readonly MicroStep[],
  maxGradNorm: number,
): Promise<StepGradients> {
  let sum: MicroGradients | undefined;
  for (const microStep of microSteps) {
    const current = computeMicroGradients(model, parameters, microStep);
    sum = sum === undefined ? current : addAndDispose(sum, current);
    await yieldToEventLoop();
  }
  const { gradients: sums, lossSum, targetCount } = sum!;
  const { gradients, report } = tf.tidy(() => {
    // At least 1, so that a step without targets is reported as that, and not as a division by zero.
    const scale = tf.div(1, tf.maximum(targetCount, 1)) as tf.Scalar;
    const clipped = clipByGlobalNorm(sums, maxGradNorm > 0 ? maxGradNorm : undefined, scale);
    return { gradients: clipped.gradients, report: tf.stack([lossSum, targetCount, clipped.norm]) };
  });
  tf.dispose([sums, lossSum, targetCount]);
  const [loss, targets, gradientNorm] = (await report.data()) as unknown as [number, number, number];
  report.dispose();
  return { gradients, lossNats: loss / targets, targets, gradientNorm };
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
  { batch, context }: MicroStep,
): MicroGradients {
  return tf.tidy(() => {
    const onDevice = toDevice(batch, model);
    let targetCount: tf.Scalar | undefined;
    const { value, grads } = tf.variableGrads(
      () => {
        const loss = model.loss(onDevice, context);
        // The forward pass is a scope of its own, and only the loss leaves it.
        targetCount = tf.keep(tf.cast(loss.targetCount, "float32"));
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
  const added = tf.tidy(() => ({
    gradients: sum.gradients.map((gradient, index) => tf.add(gradient, current.gradients[index]!)),
    lossSum: tf.add(sum.lossSum, current.lossSum) as tf.Scalar,
    targetCount: tf.add(sum.targetCount, current.targetCount) as tf.Scalar,
  }));
  for (const part of [sum, current]) tf.dispose([part.gradients, part.lossSum, part.targetCount]);
  return added;
}
