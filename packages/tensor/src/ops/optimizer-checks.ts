import { type Tensor, util } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { expectShape } from "../shape-checks.ts";

export function checkStep(op: string, step: number): void {
  if (Number.isInteger(step) && step >= 1) return;
  throw new TensorError("TENSOR_ARGUMENT_INVALID", `${op}: expected a step counted from 1, got ${step}`);
}

/** Every list has one tensor per parameter, of the parameter's shape. */
export function checkOptimizerLists(
  op: string,
  parameters: readonly Tensor[],
  lists: Readonly<Record<string, readonly Tensor[]>>,
  weightDecay: readonly number[],
): void {
  for (const [name, list] of Object.entries({ ...lists, weightDecay })) {
    if (list.length === parameters.length) continue;
    const message = `${op}: expected one of ${name} per parameter, ${parameters.length}, got ${list.length}`;
    throw new TensorError("TENSOR_SHAPE_MISMATCH", message);
  }
  for (const [name, list] of Object.entries(lists)) {
    list.forEach((tensor, i) => {
      const parameter = parameters[i]!;
      if (util.arraysEqual(tensor.shape, parameter.shape)) return;
      expectShape(false, op, `${name}[${i}] of its parameter's shape`, { parameter, [name]: tensor });
    });
  }
}
