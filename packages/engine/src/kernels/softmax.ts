/** Softmax and its logarithm over the last axis, the only one that TensorFlow.js lets through. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { cast } from "./cast.ts";
import { kernel } from "./kernel.ts";

export const softmax: readonly KernelConfig[] = ["Softmax", "LogSoftmax"].map((name) =>
  kernel<{ logits: TensorInfo }, object>(name, (backend, { logits }) => {
    const float = cast(backend, logits, "float32");
    const [y] = backend.run(name, [float], [{ shape: logits.shape, dtype: "float32" }]);
    backend.disposeInfo(float);
    return y!;
  }),
);
