import { linearCrossEntropy, selectDevice } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";
import { expectClose } from "./fixtures.ts";

const ROWS = 10;
const VOCABULARY = 32;
const labelValues = [3, 31, -100, 0, 7, 7, -100, 12, 30, 1];

describe.each(presentDevices)("linearCrossEntropy on %s", (device) => {
  let hidden: tf.Tensor2D;
  let weight: tf.Tensor2D;
  let labels: tf.Tensor1D;

  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
    hidden = tf.randomNormal([ROWS, 6], 0, 1, "float32", 1);
    weight = tf.randomNormal([VOCABULARY, 6], 0, 1, "float32", 2);
    labels = tf.tensor(labelValues, [ROWS], "int32");
  });

  test.each([1, 3 * VOCABULARY, 9 * VOCABULARY])(
    "chunks of at most %s logits give the sums of the whole",
    (maxLogits) => {
      const run = (maxLogits: number) =>
        tf.valueAndGrads((h: tf.Tensor, w: tf.Tensor) => linearCrossEntropy(h, w, labels, { maxLogits }).lossSum)([
          hidden,
          weight,
        ]);
      const whole = run(ROWS * VOCABULARY);
      const chunked = run(maxLogits);
      expectClose(chunked.value, whole.value, 1e-6);
      chunked.grads.forEach((gradient, i) => {
        expectClose(gradient, whole.grads[i]!, 1e-5);
      });
    },
  );

  test("counts the rows that have a target, and a batch without any has loss 0 and no gradient", () => {
    expect(linearCrossEntropy(hidden, weight, labels).targetCount.dataSync()[0]).toBe(8);
    const none = tf.fill([ROWS], -100, "int32");
    expect(linearCrossEntropy(hidden, weight, none).targetCount.dataSync()[0]).toBe(0);
    const { value, grads } = tf.valueAndGrads((h: tf.Tensor, w: tf.Tensor) => linearCrossEntropy(h, w, none).lossSum)([
      hidden,
      weight,
    ]);
    expect(value.dataSync()[0]).toBe(0);
    for (const gradient of grads) expect(gradient.dataSync().every((element) => element === 0)).toBe(true);
  });

  test("the gradient is multiplied by that of the loss", () => {
    const gradientOf = (factor: number) =>
      tf.grad((h: tf.Tensor) => tf.mul(linearCrossEntropy(h, weight, labels).lossSum, factor))(hidden);
    expectClose(gradientOf(0.125), tf.mul(gradientOf(1), 0.125), 1e-6);
  });

  test("never holds the logits of the whole batch", async () => {
    const bytes = ROWS * VOCABULARY * 4;
    const profile = await tf.profile(() => {
      const run = (h: tf.Tensor) => linearCrossEntropy(h, weight, labels, { maxLogits: VOCABULARY }).lossSum;
      return tf.tidy(() => tf.grad(run)(hidden));
    });
    const largest = Math.max(
      ...profile.kernels.flatMap((kernel) => kernel.outputShapes.map((shape) => 4 * tf.util.sizeFromShape(shape))),
    );
    expect(largest).toBeLessThan(bytes);
  });
});
