/** Affine maps with the activation before and the residual after in one kernel each way. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";
import { ACTIVATION_NUMBERS, precisionNumber } from "./matmul.ts";

interface Inputs {
  x: TensorInfo;
  weight: TensorInfo;
  bias?: TensorInfo;
  residual?: TensorInfo;
}

interface Attributes {
  readonly weightLayout: "outIn" | "inOut";
  readonly inputActivation: keyof typeof ACTIVATION_NUMBERS;
}

interface GradientInputs {
  dy: TensorInfo;
  x: TensorInfo;
  weight: TensorInfo;
}

export const linear: readonly KernelConfig[] = [
  kernel<Inputs, Attributes>(
    "CodexLinear",
    (backend, { x, weight, bias, residual }, { weightLayout, inputActivation }) => {
      const shape = [...x.shape.slice(0, -1), weight.shape[weightLayout === "outIn" ? 0 : 1]!];
      return backend.run(
        "Linear",
        [x, weight, ...(bias === undefined ? [] : [bias]), ...(residual === undefined ? [] : [residual])],
        [{ shape, dtype: "float32" }],
        {
          ints: [
            Number(weightLayout === "inOut"),
            ACTIVATION_NUMBERS[inputActivation],
            Number(bias !== undefined),
            Number(residual !== undefined),
            precisionNumber(backend),
          ],
        },
      );
    },
  ),
  kernel<GradientInputs, Attributes & { gradientsOf: readonly string[] }>(
    "CodexLinearGradient",
    (backend, { dy, x, weight }, { weightLayout, inputActivation, gradientsOf }) => {
      const outSize = weight.shape[weightLayout === "outIn" ? 0 : 1]!;
      const shapes = { x: x.shape, weight: weight.shape, bias: [outSize] };
      const names = (["x", "weight", "bias"] as const).filter((name) => gradientsOf.includes(name));
      const gradients = backend.run(
        "LinearGradient",
        [dy, x, weight],
        names.map((name) => ({ shape: shapes[name], dtype: "float32" })),
        {
          ints: [
            Number(weightLayout === "inOut"),
            ACTIVATION_NUMBERS[inputActivation],
            ...(["x", "weight", "bias"] as const).map((name) => Number(names.includes(name))),
            precisionNumber(backend),
          ],
        },
      );
      return gradientsOf.map((name) => gradients[names.indexOf(name as (typeof names)[number])]!);
    },
  ),
];
