import { getGradient, registerGradient } from "@tensorflow/tfjs-core";
import { arrayGradients } from "./arrays.ts";
import { elementwiseGradients } from "./elementwise.ts";
import { reductionGradients } from "./reductions.ts";

/**
 * `@tensorflow/tfjs-core` alone registers no gradients, and its own module that registers them all does not load as an ES module in
 * Node (imports without file extensions). So this package brings those of the plain ops that language models are written with:
 * elementwise, moving elements, reductions, matMul. Not convolutions, pooling, images, complex numbers: who needs those imports
 * `@tensorflow/tfjs`, which registers the full set; a gradient that is there already is never replaced.
 */
export function registerGradients(): void {
  for (const config of [...elementwiseGradients, ...arrayGradients, ...reductionGradients]) {
    if (getGradient(config.kernelName) == null) registerGradient(config);
  }
}
