/** GELU in both forms, and SwiGLU. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import { kernel } from "./kernel.ts";

interface GeluAttributes {
  readonly approximate: "none" | "tanh";
}

const like = ({ shape }: TensorInfo) => ({ shape, dtype: "float32" as const });

export const activations: readonly KernelConfig[] = [
  kernel<{ x: TensorInfo }, GeluAttributes>("CodexGelu", (backend, { x }, { approximate }) =>
    backend.run("Gelu", [x], [like(x)], { ints: [Number(approximate === "tanh")] }),
  ),
  kernel<{ dy: TensorInfo; x: TensorInfo }, GeluAttributes>(
    "CodexGeluGradient",
    (backend, { dy, x }, { approximate }) =>
      backend.run("GeluGradient", [dy, x], [like(x)], { ints: [Number(approximate === "tanh")] }),
  ),
  kernel<{ gate: TensorInfo; up: TensorInfo }, object>("CodexSwiglu", (backend, { gate, up }) =>
    backend.run("Swiglu", [gate, up], [like(gate)]),
  ),
  kernel<{ dy: TensorInfo; gate: TensorInfo; up: TensorInfo }, { gradientsOf: readonly string[] }>(
    "CodexSwigluGradient",
    (backend, { dy, gate, up }, { gradientsOf }) => {
      const wanted = ["gate", "up"].filter((name) => gradientsOf.includes(name));
      const results = backend.run(
        "SwigluGradient",
        [dy, gate, up],
        wanted.map(() => like(gate)),
        { ints: ["gate", "up"].map((name) => Number(wanted.includes(name))) },
      );
      return gradientsOf.map((name) => results[wanted.indexOf(name)]!);
    },
  ),
];
