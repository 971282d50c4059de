import { registerGradient } from "@tensorflow/tfjs-core";
import { arrayGradients } from "./arrays.ts";
import { elementwiseGradients } from "./elementwise.ts";
import { reductionGradients } from "./reductions.ts";

/**
 * `@tensorflow/tfjs-core` alone registers no gradients, and its own module that registers them all does not load as an ES module in
 * Node (imports without file extensions). So this package brings those of the plain ops that language models are written with:
 * elementwise, moving elements, reductions, matMul. Not convolutions, pooling, images, complex numbers: who needs those imports
 * `@tensorflow/tfjs`, which registers the full set.
 *
 * Where both are there these win, so that a model trains alike with and without it: TensorFlow.js 4.22 forgets the sum over
 * broadcast axes in maximum, minimum and squaredDifference.
 */
export function registerGradients(): void {
  for (const config of [...elementwiseGradients, ...arrayGradients, ...reductionGradients]) registerGradient(config);
}
