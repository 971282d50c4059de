import { createStream } from "@codex/random";
import { dropout, selectDevice } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";

const { key, fillUniform } = createStream(11, "dropout test");

describe.each(presentDevices)("dropout on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
  });

  test.each([0, 5])("the mask is the draws from offset %s, in forward and backward", (offset) => {
    const x = tf.fill([5, 7], 3);
    const expected = Array.from(fillUniform(new Float32Array(35), offset), (draw) => (draw < 0.25 ? 0 : 4));
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => dropout(x, { rate: 0.25, key, offset }))(
      x,
      tf.fill([5, 7], 3),
    );
    expect(Array.from(value.dataSync())).toEqual(expected);
    expect(Array.from(grad.dataSync())).toEqual(expected);
  });

  test("a rate of 0 changes nothing", () => {
    const y = dropout(tf.tensor([1, -2, 3]), { rate: 0, key, offset: 0 });
    expect(Array.from(y.dataSync())).toEqual([1, -2, 3]);
  });
});

test.each([1, -0.1, Number.NaN])("a rate of %s is refused", (rate) => {
  const run = () => dropout(tf.tensor([1]), { rate, key, offset: 0 });
  expect(run).toThrow(`dropout: expected a dropout rate in [0, 1), got ${rate}`);
  expect(run).toThrow(expect.objectContaining({ code: "TENSOR_ARGUMENT_INVALID" }));
});
