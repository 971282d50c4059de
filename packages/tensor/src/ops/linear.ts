import { add, matMul, reshape, sum, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import { type FusedOp, runFusedOp } from "../fused-op.ts";
import { expectShape, lastDimension } from "../shape-checks.ts";

export interface LinearOptions {
  /** `outIn` is PyTorch's `nn.Linear`, `inOut` the Conv1D of GPT-2's files. Default `outIn`. */
  readonly weightLayout?: "outIn" | "inOut";
}

interface LinearInputs {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias?: Tensor | undefined;
}

type LinearAttributes = Required<LinearOptions>;

// N rows (all leading dimensions of x), I in, O out.
const linearOp: FusedOp<LinearInputs, LinearAttributes> = {
  kernelName: "CodexLinear",
  differentiable: ["x", "weight", "bias"],
  saved: ["x", "weight"],
  forward({ x, weight, bias }, { weightLayout }) {
    const rows = asRows(x);
    const product = matMul(rows, weight as Tensor2D, false, weightLayout === "outIn"); // [N, O]
    const y = bias === undefined ? product : add(product, bias);
    return [reshape(y, [...x.shape.slice(0, -1), y.shape[1]!])];
  },
  gradient({ dy, inputs: { x, weight }, attributes: { weightLayout } }) {
    const rows = asRows(x); // [N, I]
    const dRows = asRows(dy); // [N, O]
    const outIn = weightLayout === "outIn";
    return {
      x: () => reshape(matMul(dRows, weight as Tensor2D, false, !outIn), x.shape),
      weight: () => (outIn ? matMul(dRows, rows, true, false) : matMul(rows, dRows, true, false)),
      bias: () => sum(dRows, 0),
    };
  },
};

/**
 * Affine map of the last dimension, `x W^T + b`.
 *
 * @param x - `[..., in]`
 * @param weight - `[out, in]` as PyTorch stores it, or `[in, out]` with `weightLayout: "inOut"`
 * @param bias - `[out]`
 * @returns `[..., out]`; the caller disposes it
 * @throws {TensorError} `TENSOR_SHAPE_MISMATCH`
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions = {}): Tensor {
  const { weightLayout = "outIn" } = options;
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
  return runFusedOp(linearOp, { x, weight, bias }, { weightLayout });
}

function asRows(x: Tensor): Tensor2D {
  return reshape(x, [-1, x.shape[x.rank - 1]!]);
}
