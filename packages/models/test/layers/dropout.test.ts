import { createModel, type LanguageModel, ModelError } from "@codex/models";
import * as tf from "@tensorflow/tfjs-core";
import { devices, selectDevice } from "../devices.ts";
import { createTiny, tinyConfigs } from "../tiny-models.ts";

type Key = readonly [number, number];

function loss(model: LanguageModel, training: boolean, dropoutKey?: Key): number {
  return tf.tidy(() => {
    const inputIds = tf.tensor2d([[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]], undefined, "int32"); // biome-ignore format: one line
    const context = dropoutKey === undefined ? { training } : { training, dropoutKey };
    return model.loss({ inputIds, labels: inputIds }, context).lossSum.dataSync()[0]!;
  });
}

describe.each(devices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device);
  });

  test("the masks are a function of the key", () => {
    const model = createTiny("gpt2");
    expect(loss(model, true, [1, 2])).toBe(loss(model, true, [1, 2]));
    expect(loss(model, true, [1, 3])).not.toBe(loss(model, true, [1, 2]));
    model.dispose();
  });

  test("evaluation drops nothing", () => {
    const model = createTiny("gpt2");
    const undropped = createModel({ ...tinyConfigs.gpt2, embdPdrop: 0, attnPdrop: 0, residPdrop: 0 }, { seed: 1 });
    expect(loss(model, false, [1, 2])).toBe(loss(undropped, true, [1, 2]));
    for (const each of [model, undropped]) each.dispose();
  });

  test.each(["embdPdrop", "attnPdrop", "residPdrop"] as const)("%s alone changes the loss", (rate) => {
    const none = { embdPdrop: 0, attnPdrop: 0, residPdrop: 0 };
    const model = createModel({ ...tinyConfigs.gpt2, ...none, [rate]: 0.3 }, { seed: 1 });
    expect(loss(model, true, [1, 2])).not.toBe(loss(model, false));
    model.dispose();
  });

  test("attentionDropout of llama changes the loss", () => {
    const model = createTiny("llama with biases");
    expect(loss(model, true, [1, 2])).not.toBe(loss(model, false));
    model.dispose();
  });
});

test("no two places of a forward pass draw the same mask", async () => {
  await selectDevice("cpu");
  const model = createModel({ ...tinyConfigs.gpt2, embdPdrop: 0.1, attnPdrop: 0.1, residPdrop: 0.1 }, { seed: 1 });
  const offsets: number[] = [];
  // Kernels that note where their draws begin, and drop nothing.
  const note = (
    kernelName: string,
    offsetOf: (attributes: object) => number,
    pass: (inputs: tf.NamedTensorInfoMap) => tf.Tensor,
  ): tf.KernelConfig => ({
    kernelName,
    backendName: "cpu",
    kernelFunc: ({ inputs, attrs }) => {
      offsets.push(offsetOf(attrs as object));
      return [pass(inputs)];
    },
  });
  const width = tinyConfigs.gpt2.hiddenSize;
  const kernels = [
    note(
      "CodexDropout",
      (attributes) => (attributes as { offset: number }).offset,
      ({ x }) => tf.clone(x as tf.Tensor),
    ),
    note(
      "CodexSelfAttention",
      (attributes) => (attributes as { dropout: { offset: number } }).dropout.offset,
      ({ qkv }) => tf.slice(qkv as tf.Tensor3D, [0, 0, 0], [-1, -1, width]),
    ),
  ];
  for (const kernel of kernels) tf.registerKernel(kernel);
  try {
    loss(model, true, [1, 2]);
  } finally {
    for (const { kernelName } of kernels) tf.unregisterKernel(kernelName, "cpu");
    model.dispose();
  }
  // After the embedding, and in each layer on the attention, after it and after the MLP: 2^32 draws apart.
  const places = 1 + 3 * tinyConfigs.gpt2.numHiddenLayers;
  expect(offsets).toEqual(Array.from({ length: places }, (_, place) => place * 2 ** 32));
});

test("training with dropout and without a key is an error", async () => {
  await selectDevice("cpu");
  const model = createTiny("gpt2");
  const act = () => loss(model, true);
  expect(act).toThrow(ModelError);
  expect(act).toThrow("dropout of 0.1 needs context.dropoutKey when context.training is true, got none");
  model.dispose();
});
