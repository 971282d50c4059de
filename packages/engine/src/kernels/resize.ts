/** Images of another size and the gradients of that. */
import type { KernelConfig, TensorInfo } from "@tensorflow/tfjs-core";
import type { NativeDType } from "../command-queue.ts";
import { cast } from "./cast.ts";
import { kernel } from "./kernel.ts";

interface Resize {
  alignCorners: boolean;
  halfPixelCenters: boolean;
  size: [number, number];
}

export const resizes: readonly KernelConfig[] = [
  kernel<{ images: TensorInfo }, Resize>("ResizeBilinear", (backend, { images }, attributes) => {
    const floats = cast(backend, images, "float32");
    const resized = backend.run(
      "ResizeBilinear",
      [floats],
      [{ shape: shapeOf(images, attributes), dtype: "float32" }],
      {
        ints: placement(attributes),
      },
    )[0]!;
    backend.disposeInfo(floats);
    return resized;
  }),
  kernel<{ images: TensorInfo }, Resize>(
    "ResizeNearestNeighbor",
    (backend, { images }, attributes) =>
      backend.run(
        "ResizeNearestNeighbor",
        [images],
        [{ shape: shapeOf(images, attributes), dtype: images.dtype as NativeDType }],
        { ints: placement(attributes) },
      )[0]!,
  ),
  ...["ResizeBilinearGrad", "ResizeNearestNeighborGrad"].map((name) =>
    kernel<{ images: TensorInfo; dy: TensorInfo }, Resize>(
      name,
      (backend, { images, dy }, { alignCorners }) =>
        backend.run(name, [dy, images], [{ shape: images.shape, dtype: "float32" }], {
          ints: [Number(alignCorners)],
        })[0]!,
    ),
  ),
];

function shapeOf({ shape }: TensorInfo, { size: [height, width] }: Resize): number[] {
  return [shape[0]!, height, width, shape[3]!];
}

function placement({ alignCorners, halfPixelCenters }: Resize): number[] {
  return [Number(alignCorners), Number(halfPixelCenters)];
}
