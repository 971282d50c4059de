import { backend, getBackend } from "@tensorflow/tfjs-core";
import { TensorError } from "./errors.ts";

/** What the operands of matrix products are rounded to. Tensors hold float32 and sums are float32 in either case. */
export type Precision = "float32" | "bfloat16";

/** What a backend has that computes in more than float32. Stated here, because `@codex/engine` is published apart. */
export interface PreciseBackend {
  readonly precision: Precision;
  setPrecision(precision: Precision): void;
}

/**
 * Sets the precision of the current device's matrix products. Disposing the result puts back what was before.
 *
 * @throws {TensorError} `TENSOR_PRECISION_ABSENT` for bfloat16 on a device that has float32 only
 */
export function usePrecision(precision: Precision): Disposable {
  const current = backend() as Partial<PreciseBackend>;
  const { setPrecision } = current;
  if (setPrecision === undefined) {
    if (precision === "float32") return { [Symbol.dispose]() {} };
    throw new TensorError(
      "TENSOR_PRECISION_ABSENT",
      `precision: expected float32 on the device ${getBackend()}, which computes in nothing else, got ${precision}`,
      { help: "Set precision to float32, or device to engine." },
    );
  }
  const before = current.precision ?? "float32";
  setPrecision.call(current, precision);
  return {
    [Symbol.dispose]() {
      setPrecision.call(current, before);
    },
  };
}

/** Whether the current device can compute in this precision. */
export function hasPrecision(precision: Precision): boolean {
  return precision === "float32" || (backend() as Partial<PreciseBackend>).setPrecision !== undefined;
}
