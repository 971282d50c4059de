import {
  adamW,
  attention,
  clipByGlobalNorm,
  dropout,
  embedding,
  gelu,
  layerNorm,
  linear,
  linearCrossEntropy,
  rmsNorm,
  rotaryEmbedding,
  selectDevice,
  sgd,
  swiglu,
} from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";

const key = [1, 2] as const;
const shape = { B: 2, T: 6, H: 2, D: 4, C: 8, V: 11 };

interface Parameters {
  readonly table: tf.Variable;
  readonly square: tf.Variable;
  readonly vector: tf.Variable;
}

/** Every op once, in a model of one layer. */
function lossOf(p: Parameters, ids: tf.Tensor, labels: tf.Tensor): { lossSum: tf.Scalar; targetCount: tf.Scalar } {
  const { B, T, H, D, C } = shape;
  const table = tf.ones<tf.Rank.R3>([1, T, D]);
  const matrix = p.square;
  const vector = p.vector;
  const heads = (x: tf.Tensor) => tf.transpose(tf.reshape(x, [B, T, H, D]), [0, 2, 1, 3]);
  let x = embedding(p.table, ids);
  const q = rotaryEmbedding(heads(linear(layerNorm(x, vector, vector, 1e-5), matrix, vector)), table, table);
  const a = attention(q, heads(x), heads(x), { causal: true, dropout: { rate: 0.1, key, offset: 0 }, maxScores: 100 });
  x = tf.add(x, tf.reshape(tf.transpose(a, [0, 2, 1, 3]), [B, T, C]));
  const h = linear(rmsNorm(x, vector, 1e-5), matrix);
  x = dropout(swiglu(gelu(h, { approximate: "tanh" }), gelu(h, { approximate: "none" })), {
    rate: 0.1,
    key,
    offset: 0,
  });
  return linearCrossEntropy(tf.reshape(x, [B * T, C]), p.table, labels, { maxLogits: 50 });
}

describe.each(presentDevices)("memory on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
  });

  test("training steps and evaluations leave no tensor behind", () => {
    const { B, T, C, V } = shape;
    const p: Parameters = tf.tidy(() => ({
      table: tf.variable(tf.randomNormal([V, C], 0, 1, "float32", 1)),
      square: tf.variable(tf.randomNormal([C, C], 0, 1, "float32", 2)),
      vector: tf.variable(tf.ones([C])),
    }));
    const parameters: tf.Variable[] = Object.values(p);
    const moments = () => parameters.map((parameter) => tf.tidy(() => tf.variable(tf.zerosLike(parameter))));
    const [firstMoments, secondMoments, momentumBuffers] = [moments(), moments(), moments()];
    const ids = tf.tensor([0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 10], [B, T], "int32");
    const labels = tf.tensor([1, 2, -100, 4, 5, 6, 4, 3, 2, 1, 0, 10], [B * T], "int32");

    const step = (n: number) => {
      const { value, grads } = tf.variableGrads(() => tf.tidy(() => lossOf(p, ids, labels).lossSum), parameters);
      const gradients = parameters.map(({ name }) => grads[name]!);
      const clipped = clipByGlobalNorm(gradients, 1);
      const settings = { parameters, learningRate: 0.01, weightDecay: [0.1, 0.1, 0], step: n };
      adamW({
        ...settings,
        gradients: clipped.gradients,
        firstMoments,
        secondMoments,
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-8,
      });
      sgd({ ...settings, gradients: clipped.gradients, momentumBuffers, momentum: 0.9, nesterov: true });
      const loss = value.dataSync()[0]!;
      tf.dispose([value, gradients, clipped.gradients, clipped.norm]);
      return loss;
    };
    const evaluation = tf.tidy(() => lossOf(p, ids, labels).lossSum.dataSync()[0]!);
    expect(step(1)).toBeCloseTo(evaluation, 4);
    const { numTensors, numBytes } = tf.memory();
    for (let n = 2; n < 6; n++) {
      step(n);
      const { lossSum, targetCount } = tf.tidy(() => lossOf(p, ids, labels));
      tf.dispose([lossSum, targetCount]);
    }
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(tf.memory().numBytes).toBe(numBytes);
  });
});
