import { dispose, keep, type Tensor, type TensorInfo, tidy } from "@tensorflow/tfjs-core";
import type { EngineBackend } from "./backend.ts";
import type { NativeEngine } from "./binding.ts";
import type { CommandQueue, Key } from "./command-queue.ts";

/** A step: what is enqueued depends on nothing but the shapes of the inputs. */
export interface Step {
  /** What changes from run to run: the tensors of the batch. */
  readonly inputs: readonly Tensor[];
  /** Random keys, by identity: the very objects that reach the ops. */
  readonly keys: readonly Key[];
  /** What else the body reads: variables. A step whose weights lie elsewhere than when it was recorded is recorded again. */
  readonly weights: readonly Tensor[];
  /** Uses the inputs, the keys and the weights, reads no value, and returns tensors. */
  readonly body: () => Tensor[];
}

/** Runs a step again and again. */
export interface StepRecorder {
  /**
   * The first run of some shapes is an ordinary one, the second is recorded, and from the third on it is replayed: one call instead of
   * hundreds, with the same bits.
   *
   * @returns what the body returns; the recorder owns it, and the next run overwrites it
   */
  run(step: Step): Tensor[];
  dispose(): void;
}

const FREE = 0;
/** A body that cannot be recorded is not tried for ever. */
const MOST_ATTEMPTS = 3;

interface Program {
  readonly id: number;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly Tensor[];
  /** Places of each key's two words, in the order of the keys. */
  readonly keyPlaces: readonly (readonly number[])[];
  /** Handles that come and go inside of it. */
  readonly handles: ReadonlySet<number>;
  /** Where the weights lay. */
  readonly weights: readonly number[];
  /** Data from outside that it uses; when it is freed the program is worth nothing. */
  readonly captured: ReadonlySet<number>;
  isValid: boolean;
}

interface Recording {
  readonly created: Set<number>;
  readonly captured: Set<number>;
  readonly freed: Set<number>;
  reason: string | undefined;
}

/** What the backend asks and tells about recordings. */
export class StepRecordings {
  readonly #native: NativeEngine;
  readonly #queue: CommandQueue;
  readonly #backend: EngineBackend;
  readonly #programs = new Set<Program>();
  #active: Recording | undefined;
  #nextProgram = 1;

  constructor(native: NativeEngine, queue: CommandQueue, backend: EngineBackend) {
    this.#native = native;
    this.#queue = queue;
    this.#backend = backend;
  }

  /** What happens now cannot be replayed; a recording that is going on will not be used. */
  forbid(reason: string): void {
    if (this.#active !== undefined) this.#active.reason ??= reason;
  }

  noteCreated(handle: number): void {
    this.#active?.created.add(handle);
  }

  noteUsed(handle: number): void {
    if (this.#active !== undefined && !this.#active.created.has(handle)) this.#active.captured.add(handle);
  }

  /** Whether the freed handle may not be given out again: a recording uses it at each replay. */
  holds(handle: number): boolean {
    for (const program of this.#programs) if (program.captured.has(handle)) program.isValid = false;
    if (this.#active === undefined) return false;
    if (!this.#active.created.has(handle)) this.forbid("a tensor from outside is disposed");
    this.#active.freed.add(handle);
    return true;
  }

  createRecorder(): StepRecorder {
    const programs = new Map<string, Program | { attempts: number }>();
    const outputsOf = new Map<string, Tensor[]>();
    let last: Program | undefined;
    return {
      run: (step) => {
        const signature = this.#signature(step);
        let found = programs.get(signature);
        // The results of the last run may go: with batches of two shapes there would be two sets of gradients.
        if (last !== undefined && last !== found) this.#freeOutputs(last);
        last = undefined;
        if (found !== undefined && "id" in found) {
          if (found.isValid && this.#weightsAreThere(found, step)) {
            last = found;
            return this.#replay(found, step);
          }
          this.#forget(found);
          found = undefined;
        }
        const attempts = found?.attempts ?? 0;
        dispose(outputsOf.get(signature) ?? []);
        outputsOf.delete(signature);
        if (attempts === 0 || attempts > MOST_ATTEMPTS) {
          programs.set(signature, { attempts: attempts + 1 });
          const outputs = tidy(() => step.body()).map((output) => keep(output));
          outputsOf.set(signature, outputs);
          return outputs;
        }
        const { outputs, program } = this.#record(step);
        if (program === undefined) outputsOf.set(signature, outputs);
        last = program;
        programs.set(signature, program ?? { attempts: attempts + 1 });
        return outputs;
      },
      dispose: () => {
        for (const program of programs.values()) if ("id" in program) this.#forget(program);
        for (const outputs of outputsOf.values()) dispose(outputs);
        programs.clear();
        outputsOf.clear();
      },
    };
  }

  #signature({ inputs, keys }: Step): string {
    const shapes = inputs.map(({ dtype, shape }) => `${dtype}[${shape}]`);
    return `${shapes.join(" ")} ${keys.length} ${this.#backend.precision}`;
  }

  #weightsAreThere({ weights }: Program, step: Step): boolean {
    return step.weights.every((weight, i) => this.#backend.operand(weight).handle === weights[i]);
  }

  #freeOutputs({ outputs }: Program): void {
    for (const output of outputs) this.#queue.free(this.#backend.operand(output).handle);
  }

  #record({ inputs, keys, weights, body }: Step): { outputs: Tensor[]; program: Program | undefined } {
    const active: Recording = { created: new Set(), captured: new Set(), freed: new Set(), reason: undefined };
    this.#active = active;
    this.#queue.startRecording();
    let outputs: Tensor[];
    try {
      outputs = tidy(() => body()).map((output) => keep(output));
    } catch (error) {
      this.#queue.stopRecording();
      this.#backend.returnHandles(active.freed);
      throw error;
    } finally {
      this.#active = undefined;
    }
    const { words, keyPlaces } = this.#queue.stopRecording();
    const outputHandles = outputs.map((output) => this.#backend.operand(output).handle);
    const left = [...active.created].filter((handle) => !active.freed.has(handle) && !outputHandles.includes(handle));
    const isForeign = outputHandles.some((handle) => !active.created.has(handle));
    const strange = [...keyPlaces.keys()].some((key) => !keys.includes(key));
    const refused = active.reason !== undefined || left.length > 0 || isForeign || strange;
    if (refused) {
      this.#backend.returnHandles(active.freed);
      return { outputs, program: undefined };
    }
    const start = 2 + outputHandles.length;
    const program: Program = {
      id: this.#nextProgram++,
      inputs: inputs.map((input) => this.#backend.alias(input)),
      outputs,
      keyPlaces: keys.map((key) => (keyPlaces.get(key) ?? []).map((place) => start + place)),
      handles: active.freed,
      weights: weights.map((weight) => this.#backend.operand(weight).handle),
      captured: active.captured,
      isValid: true,
    };
    for (const input of program.inputs) active.captured.delete(this.#backend.operand(input).handle);
    // The last run's outputs make room for the next one's.
    this.#native.define(program.id, Uint32Array.from([FREE, start, ...outputHandles, ...words]));
    this.#programs.add(program);
    return { outputs, program };
  }

  #replay(program: Program, { inputs, keys }: Step): Tensor[] {
    for (const [index, input] of inputs.entries()) {
      const from = this.#backend.operand(input);
      const to = this.#backend.operand(program.inputs[index]!);
      if (from.handle === to.handle) continue;
      this.#queue.free(to.handle);
      this.#queue.run({ kernel: "Copy", inputs: [from], outputs: [to], inouts: [], ints: [], floats: [] });
    }
    const patches: number[] = [];
    for (const [index, [low, high]] of keys.entries()) {
      for (const place of program.keyPlaces[index]!) patches.push(place, low, place + 1, high);
    }
    this.#queue.flush();
    this.#native.replay(program.id, Uint32Array.from(patches));
    return [...program.outputs];
  }

  #forget(program: Program): void {
    this.#programs.delete(program);
    this.#native.forget(program.id);
    dispose([...program.outputs]);
    for (const input of program.inputs) this.#backend.disposeInfo(input);
    this.#backend.returnHandles(program.handles);
  }
}
