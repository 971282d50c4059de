import { concat, slice, type Tensor, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { runForward } from "../fused-op.ts";
import { expectShape } from "../shape-checks.ts";

interface CacheInputs {
  readonly cache: Tensor;
  readonly fresh: Tensor;
}

const cacheAppendOp = {
  kernelName: "CodexCacheAppend",
  forward({ cache, fresh }: CacheInputs, { position }: { readonly position: number }): Tensor[] {
    const before = slice(cache, [0, 0, 0, 0], [-1, -1, position, -1]);
    const after = slice(cache, [0, 0, position + fresh.shape[2]!, 0], [-1, -1, -1, -1]);
    return [concat([before, fresh, after], 2)];
  },
};

/**
 * Writes the keys (or values) of new positions into a cache that has room for them, without a copy on a device that can: of `cache` only
 * the handle is left, to be disposed and not to be read. Not differentiable.
 *
 * @param cache - `[batch, keyHeads, keys, headDim]`
 * @param fresh - `[batch, keyHeads, count, headDim]`
 * @param position - of the first new one; position + count <= keys
 * @returns shape of the cache; the caller disposes it, and `cache` and `fresh`
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`, `TENSOR_ARGUMENT_INVALID`
 */
export function cacheAppend(cache: Tensor, fresh: Tensor, position: number): Tensor4D {
  expectShape(
    cache.rank === 4 && fresh.rank === 4 && [0, 1, 3].every((axis) => cache.shape[axis] === fresh.shape[axis]),
    "cacheAppend",
    "cache [batch, keyHeads, keys, headDim], fresh [batch, keyHeads, count, headDim]",
    { cache, fresh },
  );
  const last = cache.shape[2]! - fresh.shape[2]!;
  if (!(Number.isInteger(position) && position >= 0 && position <= last)) {
    throw new TensorError(
      "TENSOR_ARGUMENT_INVALID",
      `cacheAppend: expected a position of 0 .. ${last} for ${fresh.shape[2]} new of ${cache.shape[2]}, got ${position}`,
    );
  }
  return tidy(() => runForward(cacheAppendOp, { cache, fresh }, { position })[0] as Tensor4D);
}
