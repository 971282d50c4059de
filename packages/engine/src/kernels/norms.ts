/** Layer and RMS normalization. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "../backend.ts";
import { kernel } from "./kernel.ts";

interface Inputs {
  x: TensorInfo;
  weight: TensorInfo;
  bias?: TensorInfo;
}

interface GradientInputs extends Inputs {
  dy: TensorInfo;
  extra0: TensorInfo;
  extra1?: TensorInfo;
}

interface Gradients {
  readonly gradientsOf: readonly string[];
}

export const norms: readonly KernelConfig[] = [
  kernel<Inputs, { eps: number }>("CodexLayerNorm", (backend, { x, weight, bias }, { eps }) =>
    backend.run("LayerNorm", bias === undefined ? [x, weight] : [x, weight, bias], outputs(x, 2), { floats: [eps] }),
  ),
  kernel<GradientInputs, Gradients>(
    "CodexLayerNormGradient",
    (backend, { dy, x, weight, extra0, extra1 }, attributes) =>
      gradients(backend, "LayerNormGradient", [dy, x, weight, extra0, extra1!], ["x", "weight", "bias"], attributes),
  ),
  kernel<Inputs, { eps: number }>("CodexRmsNorm", (backend, { x, weight }, { eps }) =>
    backend.run("RmsNorm", [x, weight], outputs(x, 1), { floats: [eps] }),
  ),
  kernel<GradientInputs, Gradients>("CodexRmsNormGradient", (backend, { dy, x, weight, extra0 }, attributes) =>
    gradients(backend, "RmsNormGradient", [dy, x, weight, extra0], ["x", "weight"], attributes),
  ),
];

/** y like x, and `statistics` numbers per row. */
function outputs(x: TensorInfo, statistics: number): { shape: number[]; dtype: "float32" }[] {
  const rows = [...x.shape.slice(0, -1), 1];
  return [x.shape, ...Array.from({ length: statistics }, () => rows)].map((shape) => ({ shape, dtype: "float32" }));
}

function gradients(
  backend: EngineBackend,
  name: string,
  inputs: readonly TensorInfo[],
  names: readonly string[],
  { gradientsOf }: Gradients,
): TensorInfo[] {
  const [, x, weight] = inputs;
  const wanted = names.filter((each) => gradientsOf.includes(each));
  const results = backend.run(
    name,
    inputs,
    wanted.map((each) => ({ shape: each === "x" ? x!.shape : weight!.shape, dtype: "float32" })),
    { ints: names.map((each) => Number(wanted.includes(each))) },
  );
  return gradientsOf.map((each) => results[wanted.indexOf(each)]!);
}
