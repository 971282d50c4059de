import type { RandomStream } from "@codex/random";
import * as tf from "@tensorflow/tfjs-core";
import type { Parameter } from "../language-model.ts";

/** How a parameter starts: normal with mean 0 and the given standard deviation, or a constant. */
export type Initialization =
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" };

/** A parameter that a configuration asks for, before it exists. */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Initialization;
}

export type Parameters = ReadonlyMap<string, Parameter>;

/** Number of elements of a shape. */
function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** First values of one parameter. The draws come from a substream of its name: other parameters and their order do not matter. */
function initialValues(spec: ParameterSpec, init: RandomStream): Float32Array {
  const values = new Float32Array(elementCount(spec.shape));
  const { init: start } = spec;
  if (start.kind === "zeros") return values;
  if (start.kind === "ones") return values.fill(1);
  return init
    .substream(spec.name)
    .fillNormal(values)
    .map((value) => value * start.std);
}

/** A trainable parameter that begins as `value`, which it takes over. The variable is the caller's to dispose. */
export function createParameter(spec: ParameterSpec, value: tf.Tensor): Parameter {
  const variable = tf.variable(value);
  value.dispose();
  return {
    name: spec.name,
    variable,
    get trainable() {
      return variable.trainable; // the ops go by the variable's own flag
    },
    set trainable(trainable) {
      variable.trainable = trainable;
    },
  };
}

/** Creates every parameter of a new model. */
export function createParameters(specs: readonly ParameterSpec[], init: RandomStream): Parameters {
  const create = (spec: ParameterSpec): Parameter =>
    createParameter(spec, tf.tensor(initialValues(spec, init), [...spec.shape], "float32"));
  return new Map(specs.map((spec) => [spec.name, create(spec)]));
}

/** Parameters as the ops take them. */
export interface Weights {
  vector(name: string): tf.Tensor1D;
  /** Undefined for a layer without bias. */
  optionalVector(name: string): tf.Tensor1D | undefined;
  matrix(name: string): tf.Tensor2D;
}

/** Access by name to the variables of a model that is complete. */
export function weightsOf(parameters: Parameters): Weights {
  const variable = (name: string): tf.Tensor => {
    const parameter = parameters.get(name);
    if (parameter === undefined) throw new Error(`bug: no parameter ${name}`);
    return parameter.variable;
  };
  return {
    vector: (name) => variable(name) as tf.Tensor1D,
    optionalVector: (name) => (parameters.has(name) ? (variable(name) as tf.Tensor1D) : undefined),
    matrix: (name) => variable(name) as tf.Tensor2D,
  };
}
