/** Tensors made larger on their edges. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { NativeDType } from "../command-queue.ts";
import { kernel } from "./kernel.ts";

type Paddings = readonly (readonly [before: number, after: number])[];

export const pads: readonly KernelConfig[] = [
  kernel<{ x: TensorInfo }, { paddings: Paddings; constantValue: number }>("PadV2", (backend, { x }, attributes) => {
    const { paddings, constantValue } = attributes;
    return backend.run("PadV2", [x], [{ shape: paddedShape(x, paddings), dtype: x.dtype as NativeDType }], {
      ints: paddings.map(([before]) => before),
      floats: [constantValue],
    })[0]!;
  }),
  kernel<{ x: TensorInfo }, { paddings: Paddings; mode: "reflect" | "symmetric" }>(
    "MirrorPad",
    (backend, { x }, { paddings, mode }) =>
      backend.run("MirrorPad", [x], [{ shape: paddedShape(x, paddings), dtype: x.dtype as NativeDType }], {
        ints: [...paddings.map(([before]) => before), Number(mode === "symmetric")],
      })[0]!,
  ),
];

function paddedShape(x: TensorInfo, paddings: Paddings): number[] {
  return paddings.map(([before, after], axis) => before + x.shape[axis]! + after);
}
