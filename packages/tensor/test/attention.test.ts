import { createStream } from "@codex/random";
import { attention, selectDevice } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";
import { expectClose } from "./fixtures.ts";

const stream = createStream(3, "attention test");

function normal(shape: [number, number, number, number], name: string): tf.Tensor4D {
  const size = shape.reduce((product, length) => product * length);
  return tf.tensor(stream.substream(name).fillNormal(new Float32Array(size)), shape);
}

function gradientsOf(f: (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => tf.Tensor, inputs: tf.Tensor[]): tf.Tensor[] {
  const dy = normal(f(...(inputs as [tf.Tensor, tf.Tensor, tf.Tensor])).shape as never, "dy");
  return tf.grads(f)(inputs, dy);
}

describe.each(presentDevices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
  });

  test("what one document holds does not move the others by a bit", () => {
    const documentIds = tf.tensor([[0, 0, 0, 1, 1, 2]], [1, 6], "int32");
    const [q, k, v] = ["q", "k", "v"].map((name) => normal([1, 2, 6, 4], name)) as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    // Document 1, positions 3 and 4, is replaced by something large.
    const inside = tf.tensor([0, 0, 0, 1, 1, 0], [1, 1, 6, 1]);
    const changed = [q, k, v].map((x) => tf.add(x, tf.mul(inside, 1000))) as (typeof q)[];
    const options = { causal: true, documentIds };
    const before = attention(q, k, v, options);
    const after = attention(changed[0]!, changed[1]!, changed[2]!, options);
    for (const [first, length] of [
      [0, 3],
      [5, 1],
    ] as const) {
      const rows = [before, after].map((y) => tf.slice(y, [0, 0, first, 0], [1, 2, length, 4]).dataSync());
      expect(rows[1]).toEqual(rows[0]);
    }
    expect(after.dataSync()).not.toEqual(before.dataSync());
  });

  test("grouped key heads equal the same heads repeated", () => {
    const q = normal([2, 6, 4, 4], "q");
    const [k, v] = [normal([2, 2, 4, 4], "k"), normal([2, 2, 4, 4], "v")];
    const repeated = (x: tf.Tensor4D) => tf.reshape(tf.tile(tf.expandDims(x, 2), [1, 1, 3, 1, 1]), [2, 6, 4, 4]);
    const options = { causal: true };
    expectClose(attention(q, k, v, options), attention(q, repeated(k), repeated(v), options), 1e-6);
  });

  test("the last queries against all keys give the last rows of the whole", () => {
    const [q, k, v] = ["q", "k", "v"].map((name) => normal([2, 2, 7, 4], name)) as [
      tf.Tensor4D,
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const documentIds = tf.tensor(
      [
        [0, 0, 0, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0],
      ],
      [2, 7],
      "int32",
    );
    const options = { causal: true, documentIds };
    const whole = attention(q, k, v, options);
    for (const length of [1, 3]) {
      const last = tf.slice(q, [0, 0, 7 - length, 0], [2, 2, length, 4]);
      expectClose(attention(last, k, v, options), tf.slice(whole, [0, 0, 7 - length, 0], [2, 2, length, 4]), 1e-6);
    }
  });

  test.each([true, false])("tiles of queries give what one tile gives, with everything on (causal: %s)", (causal) => {
    const inputs = [normal([2, 4, 5, 4], "q"), normal([2, 2, 7, 4], "k"), normal([2, 2, 7, 4], "v")];
    const documentIds = tf.tensor(
      [
        [0, 0, 0, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0],
      ],
      [2, 7],
      "int32",
    );
    const dropout = { rate: 0.3, key: stream.key, offset: 10 };
    const run = (maxScores: number) => (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
      attention(q, k, v, { causal, documentIds, dropout, maxScores });
    const rows = 2 * 4 * 7; // scores of one query position
    const whole = gradientsOf(run(5 * rows), inputs);
    gradientsOf(run(2 * rows), inputs).forEach((gradient, i) => {
      expectClose(gradient, whole[i]!, 1e-5);
    });
    const [q, k, v] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    expectClose(run(2 * rows)(q, k, v), run(5 * rows)(q, k, v), 1e-5);
  });

  test("dropout takes the draws of its key and offset, and scales what stays", () => {
    // Equal scores make every probability 1/4, and v = identity shows them.
    const zeros = tf.zeros<tf.Rank.R4>([1, 2, 4, 4]);
    const v = tf.tile(tf.reshape(tf.eye(4), [1, 1, 4, 4]), [1, 2, 1, 1]);
    const dropout = { rate: 0.5, key: stream.key, offset: 7 };
    const shown = attention(zeros, zeros, v, { causal: false, dropout });
    const draws = stream.fillUniform(new Float32Array(32), 7);
    const expected = Array.from(draws, (draw) => (draw < 0.5 ? 0 : 0.5));
    expectClose(shown, tf.tensor(expected, [1, 2, 4, 4]), 1e-6);
  });

  test("the gradient through dropout is that of the same mask", () => {
    const dropout = { rate: 0.4, key: stream.key, offset: 0 };
    const inputs = [normal([1, 2, 3, 4], "q"), normal([1, 2, 3, 4], "k"), normal([1, 2, 3, 4], "v")];
    const run = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => attention(q, k, v, { causal: true, dropout });
    const gradients = gradientsOf(run, inputs);
    const dy = normal([1, 2, 3, 4], "dy");
    inputs.forEach((input, which) => {
      const direction = normal([1, 2, 3, 4], `direction ${which}`);
      const at = (step: number) => {
        const moved = inputs.map((x, i) => (i === which ? tf.add(input, tf.mul(direction, step)) : x));
        return tf.sum(tf.mul(run(...(moved as [tf.Tensor, tf.Tensor, tf.Tensor])), dy)).dataSync()[0]!;
      };
      const slope = (at(1e-2) - at(-1e-2)) / 2e-2;
      const expected = tf.sum(tf.mul(gradients[which]!, direction)).dataSync()[0]!;
      expect(Math.abs(slope - expected)).toBeLessThan(2e-3 * (1 + Math.abs(expected))); // float32 differences, step 1e-2
    });
  });
});

test("a rate outside [0, 1) and a scale that is no number are refused", () => {
  const x = tf.zeros<tf.Rank.R4>([1, 1, 2, 2]);
  const dropout = { rate: 1, key: [0, 0] as const, offset: 0 };
  expect(() => attention(x, x, x, { causal: true, dropout })).toThrow(
    "attention: expected a dropout rate in [0, 1), got 1",
  );
  expect(() => attention(x, x, x, { causal: true, scale: Number.NaN })).toThrow(
    "attention: expected a finite scale, got NaN",
  );
});
