/** What a fuzz case is, and where its numbers come from. */
import type { DataType } from "@tensorflow/tfjs-core";

export type Values = Float32Array | Int32Array | Uint8Array;

export interface FuzzTensor {
  readonly dtype: "float32" | "int32" | "bool";
  readonly shape: number[];
  readonly values: Values;
}

/** How far a result may be from that of the JavaScript CPU backend. Kernels that only move numbers are exact. */
export interface Tolerance {
  /** Of the value itself. */
  readonly relative?: number;
  readonly absolute?: number;
  /** Of the kernel's result on the absolute values of its inputs: for sums, where terms cancel. */
  readonly magnitude?: number;
}

export interface FuzzCase {
  readonly kernel: string;
  readonly inputs: Readonly<Record<string, FuzzTensor>> | readonly FuzzTensor[];
  readonly attributes?: object;
  readonly tolerance?: Tolerance;
}

/** Makes one case of a kernel; the same for the same random numbers. */
export type Generator = (random: Random) => Omit<FuzzCase, "kernel">;

/** Generators by the name of their kernel. */
export type Generators = Readonly<Record<string, Generator>>;

const SPECIAL = [0, -0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-40];
const HUGE = [3e38, -3e38];

/** Around the edges of vectors (4, 8, 16 numbers), of squares that are transposed, and of blocks of the matrix products. */
const EDGES = [1, 2, 3, 4, 5, 7, 8, 9, 13, 14, 15, 16, 17, 31, 32, 33, 63, 64, 65];

/** Mulberry32, with what cases are made of. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  /** From `start` to `end`, both included. */
  integer(start: number, end: number): number {
    return start + Math.floor(this.uniform() * (end - start + 1));
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  /** Sizes of a tensor of at most `limit` elements: mostly small, sometimes on an edge, now and then 0. */
  shape(rank: number, limit = 3000): number[] {
    const shape: number[] = [];
    let size = 1;
    for (let axis = 0; axis < rank; axis++) {
      const most = Math.max(1, Math.floor(limit / size));
      const wanted = this.chance(0.04) ? 0 : this.chance(0.5) ? this.pick(EDGES) : this.integer(1, 6);
      shape.push(Math.min(wanted, most));
      size *= Math.max(1, shape[axis]!);
    }
    for (let axis = rank - 1; axis > 0; axis--) {
      const other = this.integer(0, axis);
      [shape[axis], shape[other]] = [shape[other]!, shape[axis]!];
    }
    return shape;
  }

  /** Some axes of a tensor, in any order. */
  axes(rank: number): number[] {
    return this.permutation(rank).slice(0, this.integer(0, rank));
  }

  permutation(length: number): number[] {
    const items = Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const other = this.integer(0, i);
      [items[i], items[other]] = [items[other]!, items[i]!];
    }
    return items;
  }

  /**
   * Float32 between `low` and `high`; in some tensors with NaN, infinities, zeros of both signs, and numbers close to the ends of the range
   * (which `huge: false` leaves out: a sum in float64 survives what overflows in float32).
   */
  float32(shape: number[], { low = -3, high = 3, special = 0.2, huge = true } = {}): FuzzTensor {
    const specials = !this.chance(special) ? [] : huge ? [...SPECIAL, ...HUGE] : SPECIAL;
    const values = Float32Array.from({ length: sizeOf(shape) }, () =>
      specials.length > 0 && this.chance(0.2) ? this.pick(specials) : low + this.uniform() * (high - low),
    );
    return { dtype: "float32", shape, values };
  }

  int32(shape: number[], low = -20, high = 20): FuzzTensor {
    return { dtype: "int32", shape, values: Int32Array.from({ length: sizeOf(shape) }, () => this.integer(low, high)) };
  }

  bool(shape: number[]): FuzzTensor {
    return { dtype: "bool", shape, values: Uint8Array.from({ length: sizeOf(shape) }, () => this.integer(0, 1)) };
  }

  /** Of any dtype that has a native buffer. */
  tensor(shape: number[], dtypes: readonly DataType[] = ["float32", "float32", "int32", "bool"]): FuzzTensor {
    const dtype = this.pick(dtypes);
    return dtype === "float32" ? this.float32(shape) : dtype === "int32" ? this.int32(shape) : this.bool(shape);
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** The same tensor without signs. */
export function absolute(tensor: FuzzTensor): FuzzTensor {
  return tensor.dtype === "bool" ? tensor : { ...tensor, values: tensor.values.map(Math.abs) as Values };
}
