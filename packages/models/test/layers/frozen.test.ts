import * as tf from "@tensorflow/tfjs-core";
import { selectDevice } from "../devices.ts";
import { createTiny } from "../tiny-models.ts";

test("a frozen weight costs no product in the backward pass", async () => {
  await selectDevice("cpu");
  const model = createTiny("gpt2");
  const parameters = model.parameters();
  /** Products of a forward and a backward pass. */
  const products = async () => {
    const { kernels } = await tf.profile(() => {
      const inputIds = tf.tensor2d([[1, 2, 3, 4]], undefined, "int32");
      const variables = [...parameters.values()].filter(({ trainable }) => trainable).map(({ variable }) => variable);
      const loss = () => model.loss({ inputIds, labels: inputIds }, { training: false }).lossSum;
      return tf.variableGrads(loss, variables).value;
    });
    return kernels.filter(({ name }) => name === "BatchMatMul").length;
  };
  const all = await products();
  parameters.get("transformer.h.1.mlp.c_fc.weight")!.trainable = false;
  expect(await products()).toBe(all - 1);
  parameters.get("transformer.h.1.mlp.c_fc.weight")!.trainable = true;
  expect(await products()).toBe(all);
  model.dispose();
});
