import type { Binding, NativeEngine } from "./binding.ts";
import { EngineError } from "./errors.ts";

/** Element types on the wire; complex numbers and strings stay in JavaScript. */
export const DTYPE_NUMBERS = { float32: 0, int32: 1, bool: 2 } as const;
export type NativeDType = keyof typeof DTYPE_NUMBERS;

/** A tensor as an operation names it. */
export interface Operand {
  readonly handle: number;
  readonly dtype: NativeDType;
  readonly shape: readonly number[];
}

/** Two 32-bit words whose place in a recording is remembered, so that a replay can change them. */
export type Key = readonly [number, number];

export interface Operation {
  readonly kernel: string;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  /** Updated in place. */
  readonly inouts: readonly Operand[];
  /** Integer attributes; a key counts as two. */
  readonly ints: readonly (number | Key)[];
  readonly floats: readonly number[];
}

/** The operations of a recording as they were enqueued. */
export interface RecordedWords {
  readonly words: number[];
  /** Where the words of each key stand. */
  readonly keyPlaces: Map<Key, number[]>;
}

const FREE = 0;
const CONSTANT = 1;
const FIRST_KERNEL = 16;
const CAPACITY = 1 << 15;
/** A first operation goes out at once, so that an idle engine begins; more and more wait for company after that. */
const LARGEST_BATCH = 32;

const float = new Float64Array(1);
const floatWords = new Uint32Array(float.buffer);

/**
 * Encodes operations (`crates/engine/src/wire.rs` has the format) and sends them in batches: a call of the addon costs as much as
 * encoding an operation. What is left goes out before a read, or when JavaScript comes to rest.
 */
export class CommandQueue {
  readonly #native: NativeEngine;
  readonly #opcodes: ReadonlyMap<string, number>;
  readonly #words = new Uint32Array(CAPACITY);
  #length = 0;
  #operations = 0;
  #batch = 1;
  #flushScheduled = false;
  #recorded: RecordedWords | undefined;

  constructor(native: NativeEngine, binding: Binding) {
    this.#native = native;
    this.#opcodes = new Map(binding.kernelNames().map((name, index) => [name, FIRST_KERNEL + index]));
  }

  has(kernel: string): boolean {
    return this.#opcodes.has(kernel);
  }

  run({ kernel, inputs, outputs, inouts, ints, floats }: Operation): void {
    const opcode = this.#opcodes.get(kernel);
    if (opcode === undefined) {
      throw new EngineError("ENGINE_OPERATION_INVALID", `engine: the native library has no kernel ${kernel}`);
    }
    let length = 7 + 2 * ints.length + 2 * floats.length;
    for (const operands of [inputs, outputs, inouts]) {
      for (const { shape } of operands) length += 2 + shape.length;
    }
    const words = this.#reserve(length);
    const start = this.#length;
    let at = start;
    let intCount = 0;
    words[at] = opcode;
    words[at + 2] = inputs.length;
    words[at + 3] = outputs.length;
    words[at + 4] = inouts.length;
    words[at + 6] = floats.length;
    at += 7;
    for (const operands of [inputs, outputs, inouts]) {
      for (const { handle, dtype, shape } of operands) {
        words[at++] = handle;
        words[at++] = DTYPE_NUMBERS[dtype] + 256 * shape.length;
        for (const dim of shape) words[at++] = dim;
      }
    }
    const recorded = this.#recorded;
    for (const int of ints) {
      if (typeof int === "number") {
        words[at++] = int;
        intCount += 1;
        continue;
      }
      if (recorded !== undefined) {
        const places = recorded.keyPlaces.get(int) ?? [];
        places.push(recorded.words.length + at - start);
        recorded.keyPlaces.set(int, places);
      }
      words[at++] = int[0];
      words[at++] = int[1];
      intCount += 2;
    }
    for (const value of floats) {
      float[0] = value;
      words[at++] = floatWords[0]!;
      words[at++] = floatWords[1]!;
    }
    words[start + 1] = at - start;
    words[start + 5] = intCount;
    this.#commit(at);
  }

  free(handle: number): void {
    const words = this.#reserve(3);
    const at = this.#length;
    words[at] = FREE;
    words[at + 1] = 3;
    words[at + 2] = handle;
    this.#commit(at + 3);
  }

  /** For contents of a few kilobytes; `upload` is for more. */
  constant(handle: number, data: Uint8Array): void {
    const length = 4 + Math.ceil(data.byteLength / 4);
    const words = this.#reserve(length);
    const at = this.#length;
    words[at] = CONSTANT;
    words[at + 1] = length;
    words[at + 2] = handle;
    words[at + 3] = data.byteLength;
    new Uint8Array(words.buffer, 4 * (at + 4), 4 * (length - 4)).set(data);
    this.#commit(at + length);
  }

  /** Sends what has gathered. */
  flush(): void {
    if (this.#length === 0) return;
    const words = this.#words.subarray(0, this.#length);
    this.#length = 0;
    this.#operations = 0;
    this.#native.submit(words);
  }

  /** From here on operations are kept as well, until `stopRecording`. */
  startRecording(): void {
    this.#recorded = { words: [], keyPlaces: new Map() };
  }

  stopRecording(): RecordedWords {
    const recorded = this.#recorded!;
    this.#recorded = undefined;
    return recorded;
  }

  /** Operations that do not fit go out first. */
  #reserve(length: number): Uint32Array {
    if (length > CAPACITY) {
      throw new EngineError(
        "ENGINE_OPERATION_INVALID",
        `engine: an operation of ${length} words; ${CAPACITY} is the most`,
      );
    }
    if (this.#length + length > CAPACITY) this.flush();
    return this.#words;
  }

  #commit(end: number): void {
    if (this.#recorded !== undefined) {
      for (let i = this.#length; i < end; i++) this.#recorded.words.push(this.#words[i]!);
    }
    this.#length = end;
    this.#operations += 1;
    if (this.#operations >= this.#batch) {
      this.flush();
      this.#batch = Math.min(2 * this.#batch, LARGEST_BATCH);
    }
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      queueMicrotask(() => {
        this.#flushScheduled = false;
        this.#batch = 1;
        this.flush();
      });
    }
  }
}
