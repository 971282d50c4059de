/** Cases of the op set's kernels, which TensorFlow.js has none of: what they must give is computed here, in float64. */
import { type FuzzTensor, type Random, sizeOf } from "./cases.ts";

/** What a kernel updates in place where it can; then it gives nothing, and what is read are these inputs. */
export interface InPlace {
  readonly updated: readonly string[];
  /** Another tensor holds the first of them too, so that it cannot. */
  readonly shared: boolean;
}

/** Inputs of a kernel by name, or a list of them. */
export type Inputs = Readonly<Record<string, FuzzTensor | readonly FuzzTensor[]>> | readonly FuzzTensor[];

/** Runs a kernel and reads what it gives. */
export type Call = (kernel: string, inputs: Inputs, attributes: object, inPlace?: InPlace) => FuzzTensor[];

export interface FusedCase {
  /** The kernels of an op, forward and gradient; what they give in the order of `expected`. */
  run(call: Call): readonly FuzzTensor[];
  readonly expected: readonly Expected[];
  /** How far a number may be off, as a share of the largest of its output. */
  readonly tolerance: number;
  /** For the message. */
  readonly description: object;
}

export interface Expected {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
  /** Of the terms that it is the sum of, where they cancel. */
  readonly magnitude?: number;
}

/** Makes one case of an op. */
export type FusedGenerator = (random: Random) => FusedCase;

/** The names that a gradient is asked for: now and then only some. */
export function wanted(random: Random, names: readonly string[]): string[] {
  const some = names.filter(() => random.chance(0.8));
  return some.length === 0 ? [names[0]!] : some;
}

export function float32(shape: readonly number[], values: ArrayLike<number>): FuzzTensor {
  return { dtype: "float32", shape: [...shape], values: Float32Array.from(values) };
}

/** Numbers of moderate size, without NaN and infinities. */
export function plain(random: Random, shape: number[], scale = 1): FuzzTensor {
  return random.float32(shape, { low: -scale, high: scale, special: 0 });
}

export function zeros(shape: readonly number[]): Float64Array {
  return new Float64Array(sizeOf(shape));
}

/** The inputs that are there. */
export function present(inputs: Readonly<Record<string, FuzzTensor | undefined>>): Record<string, FuzzTensor> {
  return Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined)) as Record<
    string,
    FuzzTensor
  >;
}

/** `extra0`, `extra1`, ... of what a forward kernel gave. */
export function extras([, ...extra]: readonly FuzzTensor[]): Record<string, FuzzTensor> {
  return Object.fromEntries(extra.map((tensor, i) => [`extra${i}`, tensor]));
}
