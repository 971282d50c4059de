/** Where an index that is out of range becomes an error. */
import "@codex/engine";
import * as tf from "@tensorflow/tfjs-core";

beforeAll(() => void tf.setBackend("engine"));

describe("an index out of range", () => {
  it("is an error at once where JavaScript knows it", () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    expect(() => tf.gather(x, tf.tensor1d([0, 2], "int32"))).toThrow("GatherV2: the index value 2 is not in [0, 1]");
    expect(() => tf.gather(x, tf.tensor1d([-1], "int32"), 1)).toThrow("GatherV2: the index value -1 is not in [0, 1]");
  });

  it("is an error of the read where it was computed, with the kernel's name and the index", async () => {
    const x = tf.tensor1d([1, 2, 3]);
    const indices = tf.add(tf.tensor1d([0, 1], "int32"), tf.scalar(2, "int32"));
    await expect(tf.gather(x, indices).data()).rejects.toThrow(/GatherV2.*got 3 at position 1/);
  });

  it("values that JavaScript has changed since do not count", async () => {
    const values = new Int32Array([0, 1]);
    const indices = tf.tensor1d(values, "int32");
    values[0] = 7;
    expect([...(await tf.gather(tf.tensor1d([5, 6]), indices).data())]).toEqual([5, 6]);
  });
});
