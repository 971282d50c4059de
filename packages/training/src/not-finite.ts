import * as tf from "@tensorflow/tfjs-core";
import type { Parameter, TrainableModel } from "./contracts.ts";
import { tensorsOf, toDevice, yieldToEventLoop } from "./device-batch.ts";
import { type NotFiniteDetails, TrainingError } from "./errors.ts";
import { computeMicroGradients, type MicroStep } from "./gradients.ts";

/**
 * Finds out where a step stopped being finite, by doing its micro-steps once more: nothing was updated, and a dropout mask
 * is a function of its key, so they give what they gave. Costs nothing as long as all is well.
 */
export async function explainNotFinite(
  model: TrainableModel,
  parameters: readonly Parameter[],
  microSteps: readonly MicroStep[],
  step: number,
): Promise<TrainingError> {
  for (const { name, variable } of parameters) {
    if (await allFinite(variable)) continue;
    return notFinite(
      { step, microStep: undefined, sampleIds: sampleIdsOf(microSteps), parameter: name },
      `${name} itself holds NaN or infinity before this step`,
      "They were loaded or initialized that way, or an earlier update overflowed: use other weights or a lower learningRate.",
    );
  }
  for (const [index, microStep] of microSteps.entries()) {
    const batch = toDevice(microStep.batch, model);
    const { gradients, lossSum, targetCount } = computeMicroGradients(model, parameters, batch, microStep.context);
    try {
      const loss = (await lossSum.data())[0]!;
      const parameter = await firstNotFinite(parameters, gradients);
      if (Number.isFinite(loss) && parameter === undefined) continue;
      return notFinite(
        { step, microStep: index + 1, sampleIds: sampleIdsOf([microStep]), parameter },
        `the loss sum is ${loss}${parameter === undefined ? "" : ` and the first gradient that is not finite is that of ${parameter}`}`,
      );
    } finally {
      tf.dispose([tensorsOf(batch), gradients, lossSum, targetCount]);
      await yieldToEventLoop();
    }
  }
  return notFinite(
    { step, microStep: undefined, sampleIds: sampleIdsOf(microSteps), parameter: undefined },
    "each micro-batch is finite, but the sum or the norm of their gradients is not",
  );
}

function notFinite(
  details: NotFiniteDetails,
  what: string,
  help = "Look at these samples; a lower learningRate, more warmupSteps or a lower maxGradNorm often helps.",
): TrainingError {
  Object.freeze(details);
  const micro = details.microStep === undefined ? "" : `, micro-step ${details.microStep}`;
  return new TrainingError(
    "TRAINING_NOT_FINITE",
    `step ${details.step}${micro}, samples ${details.sampleIds.join(", ")}: expected a finite loss and gradient, but ${what}. ` +
      "The step was not applied and nothing of it was saved.",
    { help, notFinite: details },
  );
}

async function firstNotFinite(
  parameters: readonly Parameter[],
  tensors: readonly tf.Tensor[],
): Promise<string | undefined> {
  for (const [index, tensor] of tensors.entries()) {
    if (!(await allFinite(tensor))) return parameters[index]!.name;
  }
  return undefined;
}

async function allFinite(tensor: tf.Tensor): Promise<boolean> {
  return (await tensor.data()).every((value) => Number.isFinite(value));
}

function sampleIdsOf(microSteps: readonly MicroStep[]): readonly number[] {
  return Object.freeze(microSteps.flatMap(({ batch }) => batch.sampleIds));
}
