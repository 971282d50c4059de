import type { Tensor } from "@tensorflow/tfjs-core";
import { TensorError } from "./errors.ts";

export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Throws `TENSOR_SHAPE_MISMATCH` unless `holds`. `rule` is what the op expects, in shapes. */
export function expectShape(holds: boolean, op: string, rule: string, came: Readonly<Record<string, Tensor>>): void {
  if (holds) return;
  const shapes = Object.entries(came).map(([name, tensor]) => `${name} ${tensor.dtype} ${formatShape(tensor.shape)}`);
  throw new TensorError("TENSOR_SHAPE_MISMATCH", `${op}: expected ${rule}, got ${shapes.join(", ")}`);
}

/** The last dimension, by which the ops over rows (norms, linear layers) are indexed. @throws {TensorError} for a scalar */
export function lastDimension(op: string, x: Tensor): number {
  const last = x.shape[x.rank - 1];
  if (last === undefined) expectShape(false, op, "a tensor of rank 1 or more", { x });
  return last!;
}
