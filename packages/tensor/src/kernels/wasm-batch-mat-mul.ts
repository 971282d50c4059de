import { broadcast_util, type DataId, type KernelFunc, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";
import { formatShape } from "../shape-checks.ts";
import { hostMemory, type WasmBackend, type WasmModule } from "./host-memory.ts";

/**
 * matMul for the wasm backend. Its own kernel hands one untransposed product to XNNPACK (44 GFLOP/s measured, 24 at 64x32x64) and
 * goes through a plain loop for everything else (3.7). So: one call per matrix of the batch, on views into the operands, and a
 * transposed operand is copied into place first. Where that copy is large, the transposed product is computed instead:
 * (A B)^T = B^T A^T needs the other operand's transpose, and the result's.
 *
 * XNNPACK packs the right operand and keeps the packed copy under the tensor's id. Views have ids that live for one product, so
 * that a training step does not hold every weight twice; a product of few rows, as generation makes them, keeps the tensor's own
 * id and finds its weights packed the next time.
 */
export const wasmBatchMatMul: KernelFunc = ({ inputs, attrs, backend: kernelBackend }) => {
  const backend = kernelBackend as WasmBackend;
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  const { transposeA, transposeB } = attrs as unknown as { transposeA: boolean; transposeB: boolean };
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [M, K] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, N] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  if (inner !== K || a.dtype !== "float32" || b.dtype !== "float32") {
    const came = `a ${a.dtype} ${formatShape(a.shape)}, b ${b.dtype} ${formatShape(b.shape)}`;
    const flags = `transposeA ${transposeA}, transposeB ${transposeB}`;
    throw new TensorError("TENSOR_SHAPE_MISMATCH", `matMul: expected float32 of one inner size, got ${came}, ${flags}`);
  }
  const batch = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const output = backend.makeOutput([...batch, M, N], "float32");
  if (util.sizeFromShape(output.shape) === 0) return output;
  if (K === 0) {
    hostMemory("wasm", backend).floats(output).fill(0);
    return output;
  }
  const product = new Products(backend, M, K, N, transposeA, transposeB);
  const [aOffset, bOffset, outOffset] = [a, b, output].map(({ dataId }) => backend.dataIdMap.get(dataId).memoryOffset);
  const keepsPacked = M <= FEW_ROWS && util.sizeFromShape(batch) === 1 && isKeptAs(b.dataId, `${K}x${N}`);
  const keptId = keepsPacked ? backend.dataIdMap.get(b.dataId).id : undefined;
  const aIndex = batchIndices(a.shape.slice(0, -2), batch);
  const bIndex = batchIndices(b.shape.slice(0, -2), batch);
  for (let i = 0; i < aIndex.length; i++) {
    product.run(
      aOffset! + aIndex[i]! * M * K * FLOAT,
      bOffset! + bIndex[i]! * K * N * FLOAT,
      outOffset! + i * M * N * FLOAT,
      keptId,
    );
  }
  product.dispose();
  return output;
};

const FLOAT = 4; // bytes
const PACKING_SLACK = 2 ** 16; // bytes: columns are padded to a tile
const FEW_ROWS = 16; // up to here packing the right operand takes longer than multiplying with it

const keptShapes = new WeakMap<DataId, string>();

/** XNNPACK's packed copies know the tensor's id and no shape: of data that is seen in two shapes (reshape), only the first is kept. */
function isKeptAs(data: DataId, shape: string): boolean {
  const kept = keptShapes.get(data) ?? shape;
  keptShapes.set(data, kept);
  return kept === shape;
}

/** Products of one shape, with what they share: scratch for transposed copies, and the shapes in the module's memory. */
class Products {
  readonly #wasm: WasmModule;
  readonly #backend: WasmBackend;
  readonly #M: number;
  readonly #K: number;
  readonly #N: number;
  readonly #transposeA: boolean;
  readonly #transposeB: boolean;
  readonly #swapped: boolean;
  readonly #scratch: number;
  readonly #shapes: number;

  constructor(backend: WasmBackend, M: number, K: number, N: number, transposeA: boolean, transposeB: boolean) {
    this.#backend = backend;
    this.#wasm = backend.wasm;
    this.#M = M;
    this.#K = K;
    this.#N = N;
    this.#transposeA = transposeA;
    this.#transposeB = transposeB;
    const copies = (transposeA ? M * K : 0) + (transposeB ? K * N : 0);
    const swappedCopies = (transposeA ? 0 : M * K) + (transposeB ? 0 : K * N) + M * N;
    this.#swapped = swappedCopies < copies;
    this.#scratch = this.#wasm._malloc(Math.max(1, Math.min(copies, swappedCopies)) * FLOAT);
    this.#shapes = this.#wasm._malloc(6 * 4);
    // XNNPACK tells of a failed allocation on the console only, and leaves the result unwritten: see now that there is room to pack.
    this.#wasm._free(this.#wasm._malloc(K * (this.#swapped ? M : N) * FLOAT + PACKING_SLACK));
    const [rows, columns] = this.#swapped ? [N, M] : [M, N];
    new Int32Array(this.#wasm.HEAPU8.buffer).set([1, rows, K, 1, K, columns], this.#shapes / 4);
  }

  /** Offsets in bytes. @param keptId - under which b stays packed, if it is not transposed */
  run(a: number, b: number, out: number, keptId: number | undefined): void {
    const [M, K, N] = [this.#M, this.#K, this.#N];
    if (this.#swapped) {
      const bCopy = this.#scratch + (this.#transposeA ? 0 : M * K * FLOAT);
      const left = this.#transposeB ? b : this.#transpose(b, bCopy, K, N); // [N, K]
      const right = this.#transposeA ? a : this.#transpose(a, this.#scratch, M, K); // [K, M]
      const result = bCopy + (this.#transposeB ? 0 : K * N * FLOAT);
      this.#multiply(left, N, right, M, result, undefined);
      this.#transpose(result, out, N, M);
      return;
    }
    const bCopy = this.#scratch + (this.#transposeA ? M * K * FLOAT : 0);
    const left = this.#transposeA ? this.#transpose(a, this.#scratch, K, M) : a;
    const right = this.#transposeB ? this.#transpose(b, bCopy, N, K) : b;
    this.#multiply(left, M, right, N, out, right === b ? keptId : undefined);
  }

  dispose(): void {
    this.#wasm._free(this.#scratch);
    this.#wasm._free(this.#shapes);
  }

  #multiply(left: number, rows: number, right: number, columns: number, out: number, keptId: number | undefined): void {
    const { tfjs } = this.#wasm;
    const ids = [this.#backend.dataIdNextNumber++, this.#backend.dataIdNextNumber++, this.#backend.dataIdNextNumber++];
    const [leftId, viewId, outId] = ids as [number, number, number];
    const rightId = keptId ?? viewId;
    tfjs.registerTensor(leftId, rows * this.#K, left);
    if (keptId === undefined) tfjs.registerTensor(viewId, this.#K * columns, right);
    tfjs.registerTensor(outId, rows * columns, out);
    this.#wasm._BatchMatMul(leftId, this.#shapes, 3, rightId, this.#shapes + 12, 3, 0, 0, outId);
    tfjs.disposeData(leftId);
    if (keptId === undefined) tfjs.disposeData(viewId);
    tfjs.disposeData(outId);
  }

  #transpose(from: number, to: number, rows: number, columns: number): number {
    const heap = new Float32Array(this.#wasm.HEAPU8.buffer); // anew: the heap may have grown
    transposeBlocks(heap, from / FLOAT, to / FLOAT, rows, columns);
    return to;
  }
}

/** In squares of 16 x 16, which stay in the first cache: 0.8 elements per nanosecond. */
function transposeBlocks(heap: Float32Array, from: number, to: number, rows: number, columns: number): void {
  const BLOCK = 16;
  for (let i = 0; i < rows; i += BLOCK) {
    const iEnd = Math.min(rows, i + BLOCK);
    for (let j = 0; j < columns; j += BLOCK) {
      const jEnd = Math.min(columns, j + BLOCK);
      for (let column = j; column < jEnd; column++) {
        const target = to + column * rows;
        for (let row = i; row < iEnd; row++) heap[target + row] = heap[from + row * columns + column]!;
      }
    }
  }
}

/** For every matrix of the broadcast batch, which matrix of an operand with batch dimensions `shape` it is. */
function batchIndices(shape: readonly number[], batch: readonly number[]): number[] {
  let indices = [0];
  const missing = batch.length - shape.length;
  batch.forEach((length, axis) => {
    const own = axis < missing ? 1 : shape[axis - missing]!;
    indices = indices.flatMap((index) => Array.from({ length }, (_, i) => index * own + (own === 1 ? 0 : i)));
  });
  return indices;
}
