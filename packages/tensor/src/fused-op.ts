import {
  clone,
  customGrad,
  engine,
  type GradSaveFunc,
  getBackend,
  getKernel,
  type NamedAttrMap,
  type Tensor,
  tidy,
} from "@tensorflow/tfjs-core";

/**
 * A fused op is one node of the tape: a composed forward and a hand-written gradient, either of which a backend may replace
 * with a kernel of its own. The contract for backends is written in docs/design/op-set.md.
 */
export interface FusedOp<Inputs extends object, Attributes extends object> {
  /** `CodexLayerNorm`: the forward kernel's name; the gradient kernel's is `CodexLayerNormGradient`. */
  readonly kernelName: string;
  /** Inputs that have a gradient, in the order of the gradient kernel's outputs. */
  readonly differentiable: readonly (keyof Inputs & string)[];
  /** Inputs that the gradient reads. */
  readonly saved: readonly (keyof Inputs & string)[];
  /** Differentiable inputs of the value's shape that are just added to it: their gradient is dy, and nobody is asked for it. */
  readonly added?: readonly (keyof Inputs & string)[];
  /** `[value, ...extra]`: the extra outputs are kept for the gradient, and for nothing else. */
  forward(inputs: Inputs, attributes: Attributes): readonly Tensor[];
  /** The gradient of each differentiable input but those of `added`; only those that are wanted are computed. */
  gradient(context: GradientContext<Inputs, Attributes>): { readonly [Name in keyof Inputs]?: () => Tensor };
}

export interface GradientContext<Inputs extends object, Attributes extends object> {
  /** Gradient of the value; same shape as the value. */
  readonly dy: Tensor;
  /** Those of `saved`; the others are absent. */
  readonly inputs: Inputs;
  readonly extra: readonly Tensor[];
  readonly attributes: Attributes;
}

type NamedTensors = Record<string, Tensor>;

/**
 * Runs the op on the current backend and puts it on the tape. The caller (or `tidy`) disposes the result. A variable whose `trainable` flag
 * is false gets no gradient, and none is computed for it.
 */
export function runFusedOp<Inputs extends object, Attributes extends object>(
  op: FusedOp<Inputs, Attributes>,
  inputs: Inputs,
  attributes: Attributes,
): Tensor {
  const given = presentTensors(inputs);
  const names = op.differentiable.filter((name) => name in given && !isFrozen(given[name]!));
  const savedNames = op.saved.filter((name) => name in given);
  const run = customGrad((...argumentsAndSave: (Tensor | GradSaveFunc)[]) => {
    const save = argumentsAndSave[argumentsAndSave.length - 1] as GradSaveFunc;
    const [value, ...extra] = runForward(op, inputs, attributes);
    save([...savedNames.map((name) => given[name]!), ...extra]);
    const gradFunc = (dy: Tensor | Tensor[], saved: Tensor[]): Tensor[] => {
      const context = {
        dy: dy as Tensor,
        inputs: Object.fromEntries(savedNames.map((name, i) => [name, saved[i]!])) as Inputs,
        extra: saved.slice(savedNames.length),
        attributes,
      };
      return gradientsOf(op, context, names);
    };
    return { value: value!, gradFunc };
  });
  return run(...names.map((name) => given[name]!));
}

/** Runs the forward kernel of an op, or composes it. */
export function runForward<Inputs extends object, Attributes extends object>(
  op: Pick<FusedOp<Inputs, Attributes>, "kernelName" | "forward">,
  inputs: Inputs,
  attributes: Attributes,
): readonly Tensor[] {
  return hasKernel(op.kernelName) ? runKernel(op.kernelName, inputs, attributes) : op.forward(inputs, attributes);
}

/** Runs a kernel of the op set. Inputs that are undefined are left out. */
export function runKernel(kernelName: string, inputs: object, attributes: object): readonly Tensor[] {
  return engine().runKernel(kernelName, presentTensors(inputs), { ...attributes } as NamedAttrMap) as Tensor[];
}

/** Whether the current backend brings a kernel of this name. */
export function hasKernel(kernelName: string): boolean {
  return getKernel(kernelName, getBackend()) !== undefined;
}

function gradientsOf<Inputs extends object, Attributes extends object>(
  op: FusedOp<Inputs, Attributes>,
  context: GradientContext<Inputs, Attributes>,
  names: readonly (keyof Inputs & string)[],
): Tensor[] {
  const computed = names.filter((name) => !op.added?.includes(name));
  const gradients = computed.length === 0 ? [] : runGradient(op, context, computed);
  // A handle of its own: the tape disposes a gradient that it adds to another.
  return names.map((name) => gradients[computed.indexOf(name)] ?? clone(context.dy));
}

function runGradient<Inputs extends object, Attributes extends object>(
  op: FusedOp<Inputs, Attributes>,
  context: GradientContext<Inputs, Attributes>,
  names: readonly (keyof Inputs & string)[],
): Tensor[] {
  const kernelName = `${op.kernelName}Gradient`;
  if (!hasKernel(kernelName)) {
    return tidy(() => {
      const gradients = op.gradient(context);
      return names.map((name) => gradients[name]!());
    });
  }
  const extra = Object.fromEntries(context.extra.map((tensor, i) => [`extra${i}`, tensor]));
  const inputs = { dy: context.dy, ...context.inputs, ...extra };
  return [...runKernel(kernelName, inputs, { ...context.attributes, gradientsOf: [...names] })];
}

/** By the flag and not by class: there may be two copies of TensorFlow.js core in a process. */
function isFrozen(tensor: Tensor & { readonly trainable?: boolean }): boolean {
  return tensor.trainable === false;
}

function presentTensors(inputs: object): NamedTensors {
  return Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined)) as NamedTensors;
}
