import { getKernelsForBackend, type KernelConfig, registerKernel } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import { runOnHost } from "../fallback.ts";
import { activations } from "./activations.ts";
import { attention } from "./attention.ts";
import { batchNorm } from "./batch-norm.ts";
import { binary } from "./binary.ts";
import { cache } from "./cache.ts";
import { casts } from "./cast.ts";
import { concats } from "./concat.ts";
import { conv } from "./conv.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { dropout } from "./dropout.ts";
import { embedding } from "./embedding.ts";
import { fill } from "./fill.ts";
import { gathers } from "./gather.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { norms } from "./norms.ts";
import { optimizer } from "./optimizer.ts";
import { pads } from "./pad.ts";
import { pool2d } from "./pool2d.ts";
import { reduce } from "./reduce.ts";
import { resizes } from "./resize.ts";
import { rotary } from "./rotary.ts";
import { sampling } from "./sampling.ts";
import { scatters } from "./scatter.ts";
import { slices } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { space } from "./space.ts";
import { tiles } from "./tile.ts";
import { transposes } from "./transpose.ts";
import { unary } from "./unary.ts";
import { views } from "./views.ts";

/** Every kernel with a native form, one list per file. */
const NATIVE: readonly (readonly KernelConfig[])[] = [
  activations,
  attention,
  batchNorm,
  binary,
  cache,
  casts,
  concats,
  conv,
  crossEntropy,
  dropout,
  embedding,
  fill,
  gathers,
  linear,
  matmul,
  norms,
  optimizer,
  pads,
  pool2d,
  reduce,
  resizes,
  rotary,
  sampling,
  scatters,
  slices,
  softmax,
  space,
  tiles,
  transposes,
  unary,
  views,
];

/**
 * Registers the native kernels, and for every other kernel of TensorFlow.js the one of its JavaScript CPU backend on values that are
 * read back.
 */
export function registerKernels(): void {
  const names = new Set<string>();
  for (const config of NATIVE.flat()) {
    registerKernel(config);
    names.add(config.kernelName);
  }
  for (const { kernelName, kernelFunc } of getKernelsForBackend("cpu")) {
    if (names.has(kernelName)) continue;
    registerKernel({
      kernelName,
      backendName: "engine",
      kernelFunc: ({ inputs, attrs, backend }) =>
        runOnHost(kernelName, kernelFunc, { inputs, attrs, backend: backend as EngineBackend }),
    });
  }
}
