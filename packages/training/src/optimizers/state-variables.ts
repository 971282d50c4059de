import * as tf from "@tensorflow/tfjs-core";
import type { Parameter } from "../contracts.ts";
import { TrainingError } from "../errors.ts";

/**
 * Float32 state of an optimizer, one variable per parameter and suffix, in the shape of the parameter, under PyTorch's names.
 * Zeros at step 1; from then on a variable that is missing means that a checkpoint was incomplete.
 */
export class StateVariables {
  readonly #optimizer: string;
  readonly #suffixes: readonly string[];
  readonly #variables = new Map<string, tf.Variable>();
  /** What `of` has found, by list and suffix: hundreds of look-ups a step. */
  #found = new WeakMap<readonly Parameter[], Map<string, tf.Variable[]>>();

  constructor(optimizer: string, suffixes: readonly string[]) {
    this.#optimizer = optimizer;
    this.#suffixes = suffixes;
  }

  all(): ReadonlyMap<string, tf.Variable> {
    return this.#variables;
  }

  /**
   * State of each parameter, in order. The variables stay with this object.
   * @throws {TrainingError} `TRAINING_OPTIMIZER_STATE_INVALID`
   */
  of(parameters: readonly Parameter[], suffix: string, step: number): readonly tf.Variable[] {
    const bySuffix = this.#found.get(parameters) ?? new Map<string, tf.Variable[]>();
    const found = bySuffix.get(suffix) ?? this.#findOrCreate(parameters, suffix, step);
    this.#found.set(parameters, bySuffix.set(suffix, found));
    return found;
  }

  #findOrCreate(parameters: readonly Parameter[], suffix: string, step: number): tf.Variable[] {
    return parameters.map((parameter) => {
      const name = `${parameter.name}.${suffix}`;
      const { shape } = parameter.variable;
      const found = this.#variables.get(name);
      if (found === undefined) {
        if (step > 1) {
          throw this.#invalid(`${name}: expected state [${shape}] before step ${step}, there is none`);
        }
        const created = tf.tidy(() => tf.variable(tf.zeros(shape), false));
        this.#variables.set(name, created);
        return created;
      }
      if (!tf.util.arraysEqual(found.shape, shape)) {
        throw this.#invalid(`${name}: expected [${shape}] as its parameter has, found [${found.shape}]`);
      }
      return found;
    });
  }

  /** @throws {TrainingError} `TRAINING_OPTIMIZER_STATE_INVALID` for names that are not of this optimizer */
  load(tensors: ReadonlyMap<string, tf.Tensor>): void {
    for (const name of tensors.keys()) {
      if (this.#suffixes.some((suffix) => name.endsWith(`.${suffix}`))) continue;
      const known = this.#suffixes.map((suffix) => `<parameter>.${suffix}`).join(" and ");
      throw this.#invalid(`${name}: expected names ${known || "of no kind"}`);
    }
    this.dispose();
    for (const [name, tensor] of tensors) {
      // The clone gives the variable a handle of its own, so that the caller may dispose the tensor.
      this.#variables.set(
        name,
        tf.tidy(() => tf.variable(tf.clone(tensor), false)),
      );
    }
  }

  dispose(): void {
    for (const variable of this.#variables.values()) variable.dispose();
    this.#variables.clear();
    this.#found = new WeakMap();
  }

  #invalid(what: string): TrainingError {
    return new TrainingError("TRAINING_OPTIMIZER_STATE_INVALID", `optimizer ${this.#optimizer}, ${what}`, {
      help: "The checkpoint was written by another optimizer, for another model, or for another set of trainable parameters.",
    });
  }
}
