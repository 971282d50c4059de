import { add, matMul, mul, reshape, sum, type Tensor, type Tensor2D, util } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape, lastDimension } from "../shape-checks.ts";
import { ACTIVATIONS, type Activation } from "./activation.ts";

export interface LinearOptions {
  /** `outIn` is PyTorch's `nn.Linear`, `inOut` the Conv1D of GPT-2's files. Default `outIn`. */
  readonly weightLayout?: "outIn" | "inOut";
  /** Of the map's result, before the residual is added. Default `none`. */
  readonly activation?: Activation;
  /** `[..., out]`, added last: the residual stream of a transformer. */
  readonly residual?: Tensor;
}

interface LinearInputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias?: Tensor | undefined;
  readonly residual?: Tensor | undefined;
}

interface LinearAttributes {
  readonly weightLayout: "outIn" | "inOut";
  readonly activation: Activation;
}

// N rows (all leading dimensions of x), I in, O out.
const linearOp: FusedOp<LinearInputs, LinearAttributes> = {
  kernelName: "CodexLinear",
  differentiable: ["x", "weight", "bias", "residual"],
  saved: ["x", "weight"],
  added: ["residual"],
  forward({ x, weight, bias, residual }, { weightLayout, activation }) {
    const rows = asRows(x);
    const product = matMul(rows, weight as Tensor2D, false, weightLayout === "outIn"); // [N, O]
    const biased = bias === undefined ? product : add(product, bias);
    const z = reshape(biased, [...x.shape.slice(0, -1), biased.shape[1]!]);
    const y = activation === "none" ? z : ACTIVATIONS[activation].value(z);
    const value = residual === undefined ? y : add(y, residual);
    return activation === "none" ? [value] : [value, z];
  },
  gradient({ dy, inputs: { x, weight }, extra: [z], attributes: { weightLayout, activation } }) {
    const dz = activation === "none" ? dy : mul(dy, ACTIVATIONS[activation].derivative(z!));
    const rows = asRows(x); // [N, I]
    const dRows = asRows(dz); // [N, O]
    const outIn = weightLayout === "outIn";
    return {
      x: () => reshape(matMul(dRows, weight as Tensor2D, false, !outIn), x.shape),
      weight: () => (outIn ? matMul(dRows, rows, true, false) : matMul(rows, dRows, true, false)),
      bias: () => sum(dRows, 0),
    };
  },
};

/**
 * Affine map of the last dimension, `activation(x W^T + b) + residual`.
 *
 * @param x - `[..., in]`
 * @param weight - `[out, in]` as PyTorch stores it, or `[in, out]` with `weightLayout: "inOut"`
 * @param bias - `[out]`
 * @returns `[..., out]`; the caller disposes it
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions = {}): Tensor {
  const { weightLayout = "outIn", activation = "none", residual } = options;
  const inputSize = lastDimension("linear", x);
  const [inAxis, outAxis] = weightLayout === "outIn" ? [1, 0] : [0, 1];
  expectShape(
    weight.rank === 2 && weight.shape[inAxis] === inputSize,
    "linear",
    `x [..., in] and weight ${weightLayout === "outIn" ? "[out, in]" : "[in, out]"}`,
    { x, weight },
  );
  if (bias !== undefined) {
    expectShape(bias.rank === 1 && bias.shape[0] === weight.shape[outAxis], "linear", "bias [out]", { weight, bias });
  }
  if (residual !== undefined) {
    const shape = [...x.shape.slice(0, -1), weight.shape[outAxis]!];
    expectShape(util.arraysEqual(residual.shape, shape), "linear", "residual [..., out]", { x, weight, residual });
  }
  return runFusedOp(linearOp, { x, weight, bias, residual }, { weightLayout, activation });
}

function asRows(x: Tensor): Tensor2D {
  return reshape(x, [-1, x.shape[x.rank - 1]!]);
}
