/** Affine maps with activation and residual in one kernel each way. */
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
  readonly activation: keyof typeof ACTIVATION_NUMBERS;
}

interface GradientInputs {
  dy: TensorInfo;
  x: TensorInfo;
  weight: TensorInfo;
  /** x W + b, where there is an activation. */
  extra0?: TensorInfo;
}

export const linear: readonly KernelConfig[] = [
  kernel<Inputs, Attributes>("CodexLinear", (backend, { x, weight, bias, residual }, { weightLayout, activation }) => {
    const shape = [...x.shape.slice(0, -1), weight.shape[weightLayout === "outIn" ? 0 : 1]!];
    const output = { shape, dtype: "float32" as const };
    return backend.run(
      "Linear",
      [x, weight, ...(bias === undefined ? [] : [bias]), ...(residual === undefined ? [] : [residual])],
      activation === "none" ? [output] : [output, output],
      {
        ints: [
          Number(weightLayout === "inOut"),
          ACTIVATION_NUMBERS[activation],
          Number(bias !== undefined),
          Number(residual !== undefined),
          precisionNumber(backend),
        ],
      },
    );
  }),
  kernel<GradientInputs, Attributes & { gradientsOf: readonly string[] }>(
    "CodexLinearGradient",
    (backend, { dy, x, weight, extra0 }, { weightLayout, activation, gradientsOf }) => {
      const outSize = weight.shape[weightLayout === "outIn" ? 0 : 1]!;
      const shapes = { x: x.shape, weight: weight.shape, bias: [outSize] };
      const names = (["x", "weight", "bias"] as const).filter((name) => gradientsOf.includes(name));
      const gradients = backend.run(
        "LinearGradient",
        extra0 === undefined ? [dy, x, weight] : [dy, x, weight, extra0],
        names.map((name) => ({ shape: shapes[name], dtype: "float32" })),
        {
          ints: [
            Number(weightLayout === "inOut"),
            ACTIVATION_NUMBERS[activation],
            ...(["x", "weight", "bias"] as const).map((name) => Number(names.includes(name))),
            precisionNumber(backend),
          ],
        },
      );
      return gradientsOf.map((name) => gradients[names.indexOf(name as (typeof names)[number])]!);
    },
  ),
];
