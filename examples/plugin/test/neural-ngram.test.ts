import type { LanguageModel } from "@codex/models";
import { modelContract } from "@codex/models/testing";
import { registryEntryContract } from "@codex/registry/testing";
import { selectDevice } from "@codex/tensor";
import { neuralNgram } from "@codex-examples/plugin-tiny";
import * as tf from "@tensorflow/tfjs-core";

const options = { window: 3, embeddingSize: 6, hiddenSize: 8, maxPositionEmbeddings: 16 };
const context = { vocabSize: 11, seed: 7 };
const create = () => neuralNgram.create(options as never, context);

beforeAll(() => selectDevice("cpu"));

function parametersOf(model: LanguageModel): Record<string, number[]> {
  return Object.fromEntries(
    [...model.parameters()].map(([name, { variable }]) => [name, Array.from(variable.dataSync())]),
  );
}

describe("the contract of registry entries", () => {
  const sample = {
    options,
    context: [context],
    observe(model: unknown) {
      const values = parametersOf(model as LanguageModel);
      (model as LanguageModel).dispose();
      return values;
    },
  };
  for (const { name, run } of registryEntryContract(neuralNgram, sample)) test(name, run);
});

describe("the contract of language models", () => {
  for (const { name, run } of modelContract({ create })) test(name, run);
});

test("the logits are those of the paper's equation, computed by hand", () => {
  const model = create();
  const weights = parametersOf(model);
  const [table, hidden, bias, head] = ["embed_tokens.weight", "hidden.weight", "hidden.bias", "lm_head.weight"].map(
    (name) => weights[name]!,
  ) as [number[], number[], number[], number[]];
  const ids = [4, 1, 9, 4];
  const expected = ids.map((_, t) => {
    const inputs = [0, 1, 2].flatMap((ago) =>
      Array.from({ length: 6 }, (_, e) => (t - ago < 0 ? 0 : table[ids[t - ago]! * 6 + e]!)),
    );
    const state = bias.map((b, c) => Math.tanh(inputs.reduce((sum, x, i) => sum + x * hidden[c * 18 + i]!, b)));
    return Array.from({ length: 11 }, (_, v) => state.reduce((sum, x, c) => sum + x * head[v * 8 + c]!, 0));
  });
  const inputIds = tf.tensor2d([ids], undefined, "int32");
  const logits = model.logits(inputIds);
  const actual = logits.arraySync()[0]!;
  for (const [t, row] of expected.entries()) {
    for (const [v, value] of row.entries()) expect(actual[t]![v]).toBeCloseTo(value, 5); // float32 against float64
  }
  tf.dispose([inputIds, logits]);
  model.dispose();
});

test("a token further back than the window does not matter", () => {
  const model = create();
  const last = (ids: number[]) =>
    tf.tidy(() => Array.from(model.logits(tf.tensor2d([ids], undefined, "int32"), { lastOnly: true }).dataSync()));
  expect(last([1, 2, 3, 4])).toEqual(last([9, 2, 3, 4]));
  expect(last([1, 2, 3, 4])).not.toEqual(last([1, 9, 3, 4]));
  model.dispose();
});

test("it learns: the loss of a repeated sentence falls towards zero", () => {
  const model = create();
  const sentence = [1, 5, 2, 7, 3, 9, 0, 4];
  const optimizer = tf.train.adam(0.05);
  const losses: number[] = [];
  for (let step = 0; step < 40; step++) {
    const loss = tf.tidy(() => {
      const inputIds = tf.tensor2d([sentence], undefined, "int32");
      const labels = tf.tensor2d([[...sentence.slice(1), sentence[0]!]], undefined, "int32");
      return optimizer.minimize(() => model.loss({ inputIds, labels }, { training: true }).lossSum, true)!;
    });
    losses.push(loss.dataSync()[0]! / sentence.length);
    loss.dispose();
  }
  expect(losses[0]).toBeGreaterThan(1.5); // ln 11 = 2.4 would be a guess
  expect(losses.at(-1)).toBeLessThan(0.05);
  optimizer.dispose();
  model.dispose();
});
