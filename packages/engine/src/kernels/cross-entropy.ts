/** Output layer and loss in one, in chunks of rows. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";

interface Inputs {
  hidden: TensorInfo;
  weight: TensorInfo;
  labels: TensorInfo;
}

interface Gradients {
  dy: TensorInfo;
  /** Of hidden, for dy = 1. */
  extra0: TensorInfo;
  /** Of weight, for dy = 1. */
  extra1: TensorInfo;
}

export const crossEntropy: readonly KernelConfig[] = [
  kernel<Inputs, { ignoreIndex: number; withGradients: boolean }>(
    "CodexLinearCrossEntropy",
    (backend, { hidden, weight, labels }, { ignoreIndex, withGradients }) => {
      const shapes = withGradients ? [[], hidden.shape, weight.shape] : [[]];
      return backend.run(
        "LinearCrossEntropy",
        [hidden, weight, labels],
        shapes.map((shape) => ({ shape, dtype: "float32" })),
        { ints: [ignoreIndex, backend.precision === "bfloat16" ? 1 : 0] },
      );
    },
  ),
  // In place: the tape holds the extras for this one call.
  kernel<Gradients, { gradientsOf: readonly string[] }>(
    "CodexLinearCrossEntropyGradient",
    (backend, { dy, extra0, extra1 }, { gradientsOf }) => {
      const gradients = gradientsOf.map((name) => (name === "hidden" ? extra0 : extra1));
      backend.run("LinearCrossEntropyGradient", [dy], [], { inouts: gradients });
      return gradients.map((gradient) => backend.alias(gradient));
    },
  ),
];
