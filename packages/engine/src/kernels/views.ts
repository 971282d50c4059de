/** Kernels that compute nothing: another shape over the same data, and complex numbers as pairs of tensors. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { util } from "@tensorflow/tfjs-core";
import { anyDTypeKernel } from "./kernel.ts";

export const views: readonly KernelConfig[] = [
  anyDTypeKernel<{ x: TensorInfo }, object>("Identity", (backend, { x }) => backend.alias(x)),
  anyDTypeKernel<{ x: TensorInfo }, { shape: number[] }>("Reshape", (backend, { x }, { shape }) => {
    const size = util.sizeFromShape(x.shape);
    const inferred = util.inferFromImplicitShape(shape, size);
    util.assert(
      size === util.sizeFromShape(inferred),
      () =>
        `The new shape (${inferred}) has ${util.sizeFromShape(inferred)} elements and the old shape (${x.shape}) has ${size} elements. They must match.`,
    );
    return backend.alias(x, inferred);
  }),
  anyDTypeKernel<{ input: TensorInfo }, { dim: number }>("ExpandDims", (backend, { input }, { dim }) => {
    const rank = input.shape.length;
    util.assert(-(rank + 1) <= dim && dim <= rank, () => `Axis must be in the interval [${-(rank + 1)}, ${rank}]`);
    const shape = [...input.shape];
    shape.splice(dim < 0 ? rank + dim + 1 : dim, 0, 1);
    return backend.alias(input, shape);
  }),
  anyDTypeKernel<{ real: TensorInfo; imag: TensorInfo }, object>("Complex", (backend, { real, imag }) =>
    backend.makeComplex(real.shape, real, imag),
  ),
  anyDTypeKernel<{ input: TensorInfo }, object>("Real", (backend, { input }) => {
    return backend.copy(backend.complexParts(input).real, input.shape);
  }),
  anyDTypeKernel<{ input: TensorInfo }, object>("Imag", (backend, { input }) => {
    return backend.copy(backend.complexParts(input).imag, input.shape);
  }),
];
