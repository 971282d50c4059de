import { add, matMul, mul, reshape, sum, type Tensor, type Tensor2D, util } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape, lastDimension } from "../shape-checks.ts";
import { ACTIVATIONS, type Activation } from "./activation.ts";

export interface LinearOptions {
  /** `outIn` is PyTorch's `nn.Linear`, `inOut` the Conv1D of GPT-2's files. Default `outIn`. */
  readonly weightLayout?: "outIn" | "inOut";
  /** Of x, computed as it is read and kept nowhere: the gradient computes it again. Default `none`. */
  readonly inputActivation?: Activation;
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
  readonly inputActivation: Activation;
}

// N rows (all leading dimensions of x), I in, O out.
const linearOp: FusedOp<LinearInputs, LinearAttributes> = {
  kernelName: "CodexLinear",
  differentiable: ["x", "weight", "bias", "residual"],
  saved: ["x", "weight"],
  added: ["residual"],
  forward({ x, weight, bias, residual }, { weightLayout, inputActivation }) {
    const rows = asRows(activated(x, inputActivation));
    const product = matMul(rows, weight as Tensor2D, false, weightLayout === "outIn"); // [N, O]
    const biased = bias === undefined ? product : add(product, bias);
    const value = reshape(biased, [...x.shape.slice(0, -1), biased.shape[1]!]);
    return [residual === undefined ? value : add(value, residual)];
  },
  gradient({ dy, inputs: { x, weight }, attributes: { weightLayout, inputActivation } }) {
    const dRows = asRows(dy); // [N, O]
    const outIn = weightLayout === "outIn";
    return {
      x: () => {
        const dx = reshape(matMul(dRows, weight as Tensor2D, false, !outIn), x.shape);
        return inputActivation === "none" ? dx : mul(dx, ACTIVATIONS[inputActivation].derivative(x));
      },
      weight: () => {
        const rows = asRows(activated(x, inputActivation)); // [N, I]
        return outIn ? matMul(dRows, rows, true, false) : matMul(rows, dRows, true, false);
      },
      bias: () => sum(dRows, 0),
    };
  },
};

/**
 * Affine map of the last dimension, `inputActivation(x) W^T + b + residual`.
 *
 * @param x - `[..., in]`
 * @param weight - `[out, in]` as PyTorch stores it, or `[in, out]` with `weightLayout: "inOut"`
 * @param bias - `[out]`
 * @returns `[..., out]`; the caller disposes it
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions = {}): Tensor {
  const { weightLayout = "outIn", inputActivation = "none", residual } = options;
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
  return runFusedOp(linearOp, { x, weight, bias, residual }, { weightLayout, inputActivation });
}

function activated(x: Tensor, activation: Activation): Tensor {
  return activation === "none" ? x : ACTIVATIONS[activation].value(x);
}

function asRows(x: Tensor): Tensor2D {
  return reshape(x, [-1, x.shape[x.rank - 1]!]);
}
