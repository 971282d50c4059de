import { backend, engine, type Tensor, type TensorInfo, tensor, util } from "@tensorflow/tfjs-core";
import { TensorError } from "./errors.ts";

/** What a backend has that takes values in pieces. Stated here, because `@codex/engine` is published apart. */
export interface PiecewiseBackend {
  fromPieces(shape: number[], pieces: AsyncIterable<Float32Array>): Promise<TensorInfo>;
}

/**
 * A float32 tensor from values that arrive one piece after another, as they do from a file. A piece may be overwritten once the next is asked
 * for. A device that can take pieces never has all of them in JavaScript; on the others they are gathered first.
 *
 * @returns a tensor of the shape, which the caller disposes
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH` if the pieces have more or fewer values than the shape
 */
export async function tensorFromPieces(shape: readonly number[], pieces: AsyncIterable<Float32Array>): Promise<Tensor> {
  const size = util.sizeFromShape([...shape]);
  const { fromPieces } = backend() as Partial<PiecewiseBackend>;
  if (fromPieces !== undefined) {
    const info = await fromPieces.call(backend(), [...shape], counted(pieces, shape, size));
    return engine().makeTensorFromTensorInfo(info);
  }
  const values = new Float32Array(size);
  let at = 0;
  for await (const piece of counted(pieces, shape, size)) {
    values.set(piece, at);
    at += piece.length;
  }
  return tensor(values, [...shape], "float32");
}

async function* counted(
  pieces: AsyncIterable<Float32Array>,
  shape: readonly number[],
  size: number,
): AsyncGenerator<Float32Array, void, undefined> {
  let count = 0;
  const check = (fits: boolean): void => {
    if (fits) return;
    throw new TensorError(
      "TENSOR_SHAPE_MISMATCH",
      `tensorFromPieces: expected ${size} values for [${shape}], got ${count}${count > size ? " or more" : ""}`,
    );
  };
  for await (const piece of pieces) {
    count += piece.length;
    check(count <= size);
    yield piece;
  }
  check(count === size);
}
