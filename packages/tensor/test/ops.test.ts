import {
  type AttentionOptions,
  attention,
  embedding,
  gelu,
  layerNorm,
  linear,
  linearCrossEntropy,
  rmsNorm,
  rotaryEmbedding,
  selectDevice,
  swiglu,
  TensorError,
} from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";
import { expectClose, type Packed, readCases, unpack } from "./fixtures.ts";

interface OpCase {
  readonly op: string;
  readonly name: string;
  readonly tolerance: number;
  readonly attributes: object;
  readonly inputs: Record<string, Packed>;
  readonly y: Packed;
  readonly dy: Packed;
  readonly gradients: Record<string, Packed>;
}

/** `never` goes where any type is asked for: a fixture holds what its op takes. */
type Inputs = Readonly<Record<string, never>>;

const OPS: Readonly<Record<string, (inputs: Inputs, attributes: never) => tf.Tensor>> = {
  linear: ({ x, weight, bias }, options) => linear(x!, weight!, bias, options),
  embedding: ({ weight, ids }) => embedding(weight!, ids!),
  layerNorm: ({ x, weight, bias }, { eps }: { eps: number }) => layerNorm(x!, weight!, bias, eps),
  rmsNorm: ({ x, weight }, { eps }: { eps: number }) => rmsNorm(x!, weight!, eps),
  rotaryEmbedding: ({ x, cos, sin }) => rotaryEmbedding(x!, cos!, sin!),
  gelu: ({ x }, options) => gelu(x!, options),
  swiglu: ({ gate, up }) => swiglu(gate!, up!),
  attention: ({ q, k, v, documentIds }, options: AttentionOptions) =>
    attention(q!, k!, v!, documentIds === undefined ? options : { ...options, documentIds }),
  linearCrossEntropy: ({ hidden, weight, labels }, options) =>
    linearCrossEntropy(hidden!, weight!, labels!, options).lossSum,
};

const cases = readCases<OpCase[]>("ops.json");

describe.each(presentDevices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
  });

  test.each(cases.map((fixture) => [fixture.op, fixture.name, fixture] as const))(
    "%s, %s: value and gradients are PyTorch's",
    (_op, _name, { op, attributes, tolerance, ...fixture }) => {
      const inputs = Object.fromEntries(Object.entries(fixture.inputs).map(([name, packed]) => [name, unpack(packed)]));
      const names = Object.keys(fixture.gradients);
      const run = (...values: tf.Tensor[]): tf.Tensor => {
        const given = { ...inputs, ...Object.fromEntries(names.map((name, i) => [name, values[i]!])) };
        return OPS[op]!(given as Inputs, attributes as never);
      };
      expectClose(run(...names.map((name) => inputs[name]!)), fixture.y, tolerance);
      const { value, grads } = tf.valueAndGrads(run)(
        names.map((name) => inputs[name]!),
        unpack(fixture.dy),
      );
      expectClose(value, fixture.y, tolerance);
      names.forEach((name, i) => {
        expectClose(grads[i]!, fixture.gradients[name]!, tolerance);
      });
    },
  );
});

test("a wrong shape names the op, the rule and what came", () => {
  const run = () => linear(tf.zeros([2, 3]), tf.zeros<tf.Rank.R2>([4, 5]));
  expect(run).toThrow("linear: expected x [..., in] and weight [out, in], got x float32 [2, 3], weight float32 [4, 5]");
  expect(run).toThrow(expect.objectContaining({ code: "TENSOR_SHAPE_MISMATCH" }));
});

test.each([
  ["embedding", () => embedding(tf.zeros([4, 5]), tf.zeros([3]))],
  ["layerNorm", () => layerNorm(tf.zeros([2, 3]), tf.zeros([3]), tf.zeros([4]), 1e-5)],
  ["rmsNorm", () => rmsNorm(tf.zeros([2, 3]), tf.zeros([2]), 1e-5)],
  ["rotaryEmbedding", () => rotaryEmbedding(tf.zeros([1, 2, 3, 4]), tf.zeros([1, 3, 2]), tf.zeros([1, 3, 2]))],
  ["swiglu", () => swiglu(tf.zeros([2, 3]), tf.zeros([3, 2]))],
  [
    "attention",
    () => attention(tf.zeros([1, 3, 2, 4]), tf.zeros([1, 2, 2, 4]), tf.zeros([1, 2, 2, 4]), { causal: true }),
  ],
  ["linearCrossEntropy", () => linearCrossEntropy(tf.zeros([2, 3]), tf.zeros([4, 3]), tf.zeros([2]))],
])("%s refuses shapes and dtypes that do not fit", (name, run: () => unknown) => {
  expect(run).toThrow(TensorError);
  expect(run).toThrow(new RegExp(`^${name}: expected`));
});
