import { selectDevice, tensorFromPieces } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";

/** One buffer for all pieces, as a reader of files has. */
async function* pieces(lengths: readonly number[], stopped?: () => void): AsyncGenerator<Float32Array> {
  const buffer = new Float32Array(Math.max(...lengths, 0));
  let at = 0;
  try {
    for (const length of lengths) {
      for (let i = 0; i < length; i++) buffer[i] = at++;
      yield buffer.subarray(0, length);
    }
  } finally {
    stopped?.();
  }
}

describe.each(presentDevices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
  });

  test("pieces of any length are one tensor", async () => {
    const value = await tensorFromPieces([3, 5000], pieces([4096, 0, 10_903, 1]));
    expect(value.shape).toEqual([3, 5000]);
    expect(value.dtype).toBe("float32");
    expect(await value.data()).toEqual(Float32Array.from({ length: 15_000 }, (_, i) => i));
    value.dispose();
    const empty = await tensorFromPieces([0, 2], pieces([]));
    expect(await empty.data()).toHaveLength(0);
    empty.dispose();
  });

  test.each([
    [[5], "got 5"],
    [[6, 1], "got 7 or more"],
  ])("too few or too many values are an error, and nothing is left: %j", async (lengths, message) => {
    const before = tf.memory().numTensors;
    let stopped = false;
    const wrong = tensorFromPieces(
      [2, 3],
      pieces(lengths, () => (stopped = true)),
    );
    await expect(wrong).rejects.toMatchObject({
      code: "TENSOR_SHAPE_MISMATCH",
      message: expect.stringContaining(message),
    });
    expect(stopped).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("an error of the source is passed on", async () => {
    async function* broken(): AsyncGenerator<Float32Array> {
      yield Float32Array.of(1);
      throw new Error("the file ended");
    }
    await expect(tensorFromPieces([2], broken())).rejects.toThrow("the file ended");
  });
});
