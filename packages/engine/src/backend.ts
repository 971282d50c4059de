import {
  type BackendTimingInfo,
  type BackendValues,
  backend_util,
  type DataMover,
  type DataType,
  KernelBackend,
  type TensorInfo,
  type TypedArray,
  util,
} from "@tensorflow/tfjs-core";
import { type Binding, loadBinding, type NativeEngine, type NativeUpload, type ProfileEvent } from "./binding.ts";
import { CommandQueue, type Key, type NativeDType, type Operand } from "./command-queue.ts";
import { EngineError, fromNative } from "./errors.ts";
import { StepRecordings } from "./recording.ts";

/** Contents up to here travel among the operations. */
const INLINE_BYTES = 4096;
/** Integers up to here are remembered: an index that is out of range is an error at once where JavaScript knows it. */
const KNOWN_INTS = 256;

/** What stands behind a data id: a native buffer, or, for strings and complex numbers, values in JavaScript. */
interface TensorData {
  readonly dtype: DataType;
  /** Number of elements. */
  readonly size: number;
  refCount: number;
  /** -1 for none. */
  handle: number;
  /** Of a string tensor. */
  values?: BackendValues;
  /** Of a small int32 tensor that came from JavaScript. */
  ints?: Int32Array | undefined;
  /** Of a complex one. */
  parts?: { real: TensorInfo; imag: TensorInfo };
}

export interface OutputInfo {
  readonly shape: number[];
  readonly dtype: NativeDType;
}

export interface RunOptions {
  /** Integer attributes; a random key counts as two. */
  readonly ints?: readonly (number | Key)[];
  readonly floats?: readonly number[];
  /** Updated in place. */
  readonly inouts?: readonly TensorInfo[];
}

/** Settings of an engine; each defaults to an environment variable, and that to the machine. */
export interface EngineSettings {
  /** Threads that compute. `CODEX_NUM_THREADS`; default: as many as the process may use. */
  readonly threads?: number;
  /** `avx512`, `avx2`, `neon` or `portable`. `CODEX_ENGINE_ISA`; default: the best of the processor. */
  readonly isa?: string;
  /** Bytes that tensors may take. `CODEX_ENGINE_MEMORY_LIMIT`; default: no limit. */
  readonly memoryLimitBytes?: number;
}

/** Arithmetic of matrix products. */
export type Precision = "float32" | "bfloat16";

/**
 * TensorFlow.js' side of the engine: hands out buffers' handles, counts references, and enqueues. Nothing here waits for a kernel but
 * `readSync` and `time`.
 */
export class EngineBackend extends KernelBackend {
  readonly native: NativeEngine;
  readonly recordings: StepRecordings;
  /** Kernels that ran on the JavaScript CPU kernels, by name. */
  readonly fallbacks = new Map<string, number>();
  readonly #queue: CommandQueue;
  readonly #mover: DataMover;
  readonly #data = new WeakMap<object, TensorData>();
  readonly #freeHandles: number[] = [];
  #nextHandle = 1;
  #dataIds = 0;
  #precision: Precision = "float32";

  /** @throws {EngineError} `ENGINE_BINARY_ABSENT`, `ENGINE_SETTING_INVALID` */
  constructor(mover: DataMover, settings: EngineSettings = settingsOfEnvironment(), binding: Binding = loadBinding()) {
    super();
    const { threads, isa, memoryLimitBytes } = settings;
    try {
      this.native = new binding.NativeEngine({
        ...(threads === undefined ? {} : { threads }),
        ...(isa === undefined ? {} : { isa }),
        ...(memoryLimitBytes === undefined ? {} : { memoryLimit: memoryLimitBytes }),
      });
    } catch (error) {
      const message = error instanceof Error ? error.message.replace(/^ENGINE_[A-Z_]+: /, "") : String(error);
      throw new EngineError("ENGINE_SETTING_INVALID", message, { cause: error });
    }
    this.#mover = mover;
    this.#queue = new CommandQueue(this.native, binding);
    this.recordings = new StepRecordings(this.native, this.#queue, this);
  }

  /** Whether the native library has a kernel of this name. */
  hasKernel(name: string): boolean {
    return this.#queue.has(name);
  }

  get precision(): Precision {
    return this.#precision;
  }

  /** Arithmetic of the matrix products that are enqueued from here on; their sums are float32 in both. */
  setPrecision(precision: Precision): void {
    this.#precision = precision;
  }

  /**
   * Enqueues one kernel. The native side checks shapes, types and attributes again; what it finds surfaces when a result is read.
   *
   * @returns one info per output, with one reference
   */
  run(
    kernel: string,
    inputs: readonly TensorInfo[],
    outputs: readonly OutputInfo[],
    options: RunOptions = {},
  ): TensorInfo[] {
    const { ints = [], floats = [], inouts = [] } = options;
    const operands = inputs.map((info) => this.operand(info));
    const updated = inouts.map((info) => this.operand(info));
    for (const { dataId } of inouts) this.#get(dataId).ints = undefined;
    for (const { handle } of [...operands, ...updated]) this.recordings.noteUsed(handle);
    const created = outputs.map(({ shape, dtype }) => this.#create(shape, dtype));
    this.#queue.run({
      kernel,
      inputs: operands,
      outputs: created.map(({ data }, i) => ({
        handle: data.handle,
        dtype: outputs[i]!.dtype,
        shape: outputs[i]!.shape,
      })),
      inouts: updated,
      ints,
      floats,
    });
    return created.map(({ dataId }, i) => ({ dataId, shape: outputs[i]!.shape, dtype: outputs[i]!.dtype }));
  }

  /** The same data under another shape, with one more reference. */
  alias(info: TensorInfo, shape: number[] = info.shape, dtype: DataType = info.dtype): TensorInfo {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape, dtype };
  }

  /**
   * Memory for a result that takes the place of an input: the input's own, with one more reference, where no other tensor shares it; else a
   * copy.
   */
  writable(info: TensorInfo): TensorInfo {
    if (this.refCount(info.dataId) === 1) return this.alias(info);
    return this.copy(info);
  }

  /** New data with the same content. */
  copy(info: TensorInfo, shape: number[] = info.shape): TensorInfo {
    return this.run("Copy", [info], [{ shape, dtype: info.dtype as NativeDType }])[0]!;
  }

  /** How the native side names a tensor. */
  operand(info: TensorInfo): Operand {
    const data = this.#get(info.dataId);
    if (data.handle < 0) {
      throw new EngineError("ENGINE_OPERATION_INVALID", `engine: a ${data.dtype} tensor has no native buffer`);
    }
    return { handle: data.handle, dtype: data.dtype as NativeDType, shape: info.shape };
  }

  /** The values of a small int32 tensor that came from JavaScript; `undefined` where only the engine knows them. */
  knownInts(info: TensorInfo): Int32Array | undefined {
    return this.#get(info.dataId).ints;
  }

  /** Real and imaginary part of a complex tensor, without a new reference. */
  complexParts(info: TensorInfo): { real: TensorInfo; imag: TensorInfo } {
    return this.#get(info.dataId).parts!;
  }

  /** Copies its parts: TensorFlow.js counts data by tensors, and would not see that those are freed with the complex one. */
  makeComplex(shape: number[], real: TensorInfo, imag: TensorInfo): TensorInfo {
    const size = util.sizeFromShape(shape);
    const parts = { real: this.copy(real), imag: this.copy(imag) };
    return {
      dataId: this.#register({ dtype: "complex64", size, refCount: 1, handle: -1, parts }),
      shape,
      dtype: "complex64",
    };
  }

  /** New data from values of JavaScript. */
  makeTensor(values: BackendValues, shape: number[], dtype: DataType): TensorInfo {
    return { dataId: this.write(values, shape, dtype), shape, dtype };
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(dataId: object, values: BackendValues, shape: number[], dtype: DataType, refCount: number): void {
    const size = util.sizeFromShape(shape);
    if (dtype === "string") {
      this.#register({ dtype, size, refCount, handle: -1, values }, dataId);
    } else if (dtype === "complex64") {
      const { real, imag } = backend_util.splitRealAndImagArrays(values as Float32Array);
      const parts = { real: this.makeTensor(real, shape, "float32"), imag: this.makeTensor(imag, shape, "float32") };
      this.#register({ dtype, size, refCount, handle: -1, parts }, dataId);
    } else {
      const typed = toTyped(values, dtype as NativeDType, size);
      const handle = this.#takeHandle();
      const ints = dtype === "int32" && size <= KNOWN_INTS ? Int32Array.from(typed) : undefined;
      try {
        this.#upload(handle, typed);
      } catch (error) {
        this.#freeHandles.push(handle);
        throw error;
      }
      this.#register({ dtype, size, refCount, handle, ints }, dataId);
    }
  }

  /**
   * A float32 tensor from values that arrive one piece after another, and are never held all at once in JavaScript. A piece is copied before
   * the next is asked for.
   *
   * @throws {EngineError} `ENGINE_OUT_OF_MEMORY`, `ENGINE_OPERATION_INVALID` if the pieces have more or fewer values than the shape
   */
  async fromPieces(shape: number[], pieces: AsyncIterable<Float32Array> | Iterable<Float32Array>): Promise<TensorInfo> {
    const size = util.sizeFromShape(shape);
    let upload: NativeUpload | undefined;
    try {
      this.#queue.flush();
      upload = this.native.startUpload(4 * size);
      for await (const piece of pieces) upload.append(bytesOf(piece));
      this.recordings.forbid("a large tensor is made from values of JavaScript");
      const handle = this.#takeHandle();
      try {
        this.native.finishUpload(handle, upload);
      } catch (error) {
        this.#freeHandles.push(handle);
        throw error;
      }
      return { dataId: this.#register({ dtype: "float32", size, refCount: 1, handle }), shape, dtype: "float32" };
    } catch (error) {
      upload?.discard();
      throw fromNative(error);
    }
  }

  override async read(dataId: object): Promise<BackendValues> {
    const data = this.#get(dataId);
    if (data.values !== undefined) return data.values;
    if (data.parts !== undefined) {
      const { real, imag } = data.parts;
      const [realValues, imagValues] = await Promise.all([this.read(real.dataId), this.read(imag.dataId)]);
      return backend_util.mergeRealAndImagArrays(realValues as Float32Array, imagValues as Float32Array);
    }
    this.recordings.forbid("a value is read");
    this.#queue.flush();
    try {
      return fromBytes(await this.native.read(data.handle, byteSize(data)), data.dtype as NativeDType);
    } catch (error) {
      throw fromNative(error);
    }
  }

  override readSync(dataId: object): BackendValues {
    const data = this.#get(dataId);
    if (data.values !== undefined) return data.values;
    if (data.parts !== undefined) {
      const [real, imag] = [data.parts.real, data.parts.imag].map((part) => this.readSync(part.dataId) as Float32Array);
      return backend_util.mergeRealAndImagArrays(real!, imag!);
    }
    this.recordings.forbid("a value is read");
    this.#queue.flush();
    try {
      return fromBytes(this.native.readSync(data.handle, byteSize(data)), data.dtype as NativeDType);
    } catch (error) {
      throw fromNative(error);
    }
  }

  override disposeData(dataId: object, force = false): boolean {
    const data = this.#data.get(dataId);
    if (data === undefined) return true;
    data.refCount -= 1;
    if (!force && data.refCount > 0) return false;
    this.#data.delete(dataId);
    this.#dataIds -= 1;
    if (data.parts !== undefined) {
      this.disposeData(data.parts.real.dataId);
      this.disposeData(data.parts.imag.dataId);
    }
    if (data.handle >= 0) {
      this.#queue.free(data.handle);
      if (!this.recordings.holds(data.handle)) this.#freeHandles.push(data.handle);
    }
    return true;
  }

  disposeInfo(info: TensorInfo): void {
    this.disposeData(info.dataId);
  }

  override refCount(dataId: object): number {
    return this.#data.get(dataId)?.refCount ?? 0;
  }

  override incRef(dataId: object): void {
    this.#get(dataId).refCount += 1;
  }

  override numDataIds(): number {
    return this.#dataIds;
  }

  override memory(): { unreliable: boolean; numBytesPeak: number } {
    return { unreliable: false, numBytesPeak: this.native.stats().bytesPeak };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override async time(run: () => void): Promise<BackendTimingInfo> {
    this.sync();
    const before = this.native.stats().kernelMs;
    run();
    this.sync();
    return { kernelMs: this.native.stats().kernelMs - before };
  }

  /**
   * Waits until everything that was enqueued has run.
   * @throws {EngineError} of an operation that failed, if nothing that depends on it was read before
   */
  sync(): void {
    this.#queue.flush();
    try {
      this.native.fence();
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** From here on every kernel's run is kept, until `stopProfile`. */
  startProfile(): void {
    this.sync();
    this.native.takeProfile();
    this.native.setProfiling(true);
  }

  /** The kernels that ran since `startProfile`; `startMs` is on the clock of `performance.now()`. */
  stopProfile(): ProfileEvent[] {
    this.sync();
    this.native.setProfiling(false);
    const offsetMs = performance.now() - this.native.clockMs();
    return this.native.takeProfile().map((event) => ({ ...event, startMs: event.startMs + offsetMs }));
  }

  /** Handles that a recording held and that nothing uses any more. */
  returnHandles(handles: Iterable<number>): void {
    this.#freeHandles.push(...handles);
  }

  /** Overwrites the content of a tensor whose size and type stay. */
  overwrite(info: TensorInfo, values: TypedArray): void {
    const data = this.#get(info.dataId);
    data.ints = undefined;
    this.#upload(data.handle, toTyped(values, data.dtype as NativeDType, data.size));
  }

  override dispose(): void {
    this.#queue.flush();
  }

  #get(dataId: object): TensorData {
    let data = this.#data.get(dataId);
    if (data === undefined) {
      this.#mover.moveData(this, dataId); // from another backend
      data = this.#data.get(dataId)!;
    }
    return data;
  }

  #register(data: TensorData, dataId: object = {}): object {
    this.#data.set(dataId, data);
    this.#dataIds += 1;
    return dataId;
  }

  #create(shape: number[], dtype: NativeDType): { dataId: object; data: TensorData } {
    const data: TensorData = { dtype, size: util.sizeFromShape(shape), refCount: 1, handle: this.#takeHandle() };
    return { dataId: this.#register(data), data };
  }

  #takeHandle(): number {
    const handle = this.#freeHandles.pop() ?? this.#nextHandle++;
    this.recordings.noteCreated(handle);
    return handle;
  }

  #upload(handle: number, values: Float32Array | Int32Array | Uint8Array): void {
    const bytes = bytesOf(values);
    if (bytes.byteLength <= INLINE_BYTES) {
      this.#queue.constant(handle, bytes);
      return;
    }
    this.recordings.forbid("a large tensor is made from values of JavaScript");
    this.#queue.flush();
    try {
      this.native.upload(handle, bytes);
    } catch (error) {
      throw fromNative(error);
    }
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function byteSize(data: TensorData): number {
  return data.size * (data.dtype === "bool" ? 1 : 4);
}

/** TensorFlow.js also hands over plain arrays and arrays of another type. */
function toTyped(values: BackendValues, dtype: NativeDType, size: number): Float32Array | Int32Array | Uint8Array {
  const Wanted = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype];
  const typed = values instanceof Wanted ? values : Wanted.from(values as unknown as ArrayLike<number>);
  if (typed.length !== size) {
    throw new EngineError(
      "ENGINE_OPERATION_INVALID",
      `engine: expected ${size} values of ${dtype}, got ${typed.length}`,
    );
  }
  return typed;
}

function fromBytes(bytes: Buffer, dtype: NativeDType): Float32Array | Int32Array | Uint8Array {
  const { buffer, byteOffset, byteLength } = (
    bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes)
  ) as Uint8Array<ArrayBuffer>;
  if (dtype === "bool") return new Uint8Array(buffer, byteOffset, byteLength);
  const Wanted = dtype === "float32" ? Float32Array : Int32Array;
  return new Wanted(buffer, byteOffset, byteLength / 4);
}

/** @throws {EngineError} `ENGINE_SETTING_INVALID` */
export function settingsOfEnvironment(environment: NodeJS.ProcessEnv = process.env): EngineSettings {
  const number = (name: string): number | undefined => {
    const text = environment[name];
    if (text === undefined || text === "") return undefined;
    const match = /^(\d+)(k|m|g)?(i?b)?$/i.exec(text.trim());
    const unit = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[match?.[2]?.toLowerCase() as "k"] ?? 1;
    if (match === null || Number(match[1]) === 0) {
      throw new EngineError(
        "ENGINE_SETTING_INVALID",
        `${name}: expected a number above 0, got ${JSON.stringify(text)}`,
      );
    }
    return Number(match[1]) * unit;
  };
  const threads = number("CODEX_NUM_THREADS");
  const memoryLimitBytes = number("CODEX_ENGINE_MEMORY_LIMIT");
  const isa = environment["CODEX_ENGINE_ISA"];
  return {
    ...(threads === undefined ? {} : { threads }),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    ...(isa === undefined || isa === "" ? {} : { isa }),
  };
}
