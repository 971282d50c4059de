import { type NamedAttrMap, type Scalar, type Tensor, tidy, type Variable } from "@tensorflow/tfjs-core";
import { hasKernel, runKernel } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";

/** One call of an optimizer's kernel: all parameters at once. Every list has one tensor per parameter. */
export interface OptimizerCall {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, readonly Tensor[]>>;
  readonly gradientScale: Scalar | undefined;
  readonly attributes: NamedAttrMap;
  /** What the kernel updates; its outputs are these in this order, or none where all was updated in place. */
  readonly updated: readonly Variable[];
}

/** Runs the backend's kernel of an optimizer, if it has one. @returns whether it has */
export function runOptimizerKernel({ kernelName, inputs, gradientScale, attributes, updated }: OptimizerCall): boolean {
  if (!hasKernel(kernelName)) return false;
  const given = gradientScale === undefined ? inputs : { ...inputs, gradientScale };
  tidy(() => {
    for (const [i, output] of runKernel(kernelName, given, attributes).entries()) updated[i]!.assign(output);
  });
  return true;
}

/**
 * The factor of the gradients as a number, for a step that is composed of plain ops. It waits for the device; those without a kernel of
 * the optimizer compute as they are called, so that nothing is left to wait for.
 *
 * @returns undefined if it is not finite: the step is to change nothing
 */
export function readGradientScale(gradientScale: Scalar | undefined): number | undefined {
  if (gradientScale === undefined) return 1;
  const factor = gradientScale.dataSync()[0]!;
  return Number.isFinite(factor) ? factor : undefined;
}

export function checkGradientScale(op: string, gradientScale: Scalar | undefined): void {
  if (gradientScale === undefined) return;
  expectShape(gradientScale.size === 1, op, "a gradientScale of one element", { gradientScale });
}
