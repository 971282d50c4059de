/** The contract tests notice what they are there for: each broken model fails the test that is named beside it. */
import type { LanguageModel, LogitsOptions, Parameter } from "@codex/models";
import { modelContract } from "@codex/models/testing";
import * as tf from "@tensorflow/tfjs-core";
import { selectDevice } from "./devices.ts";
import { createTiny } from "./tiny-models.ts";

beforeAll(async () => {
  await selectDevice("cpu");
});

const broken: Record<string, [rule: string, breakIt: (model: LanguageModel) => Partial<LanguageModel>]> = {
  "an infinite weight": [
    "parameters have unique names",
    (model) => {
      model
        .parameters()
        .get("model.norm.weight")!
        .variable.assign(tf.fill([16], Number.POSITIVE_INFINITY));
      return {};
    },
  ],
  "weights that no seed decides": [
    "the same seed gives the same weights",
    (model) => {
      model
        .parameters()
        .get("model.norm.weight")!
        .variable.assign(tf.fill([16], ++counter));
      return {};
    },
  ],
  "a config.json of another family": [
    "configJson",
    (model) => ({ configJson: () => ({ ...model.configJson(), model_type: "x" }) }),
  ],
  "a count of one too many": [
    "loss is the summed negative log-likelihood",
    (model) => ({
      loss: (batch, context) => {
        const { lossSum, targetCount } = model.loss(batch, context);
        return { lossSum, targetCount: tf.add(targetCount, 1) };
      },
    }),
  ],
  "a mean in place of the sum": [
    "loss is the summed negative log-likelihood",
    (model) => ({
      loss: (batch, context) => {
        const { lossSum, targetCount } = model.loss(batch, context);
        return { lossSum: tf.div(lossSum, targetCount), targetCount };
      },
    }),
  ],
  "logits that see the next token": [
    "a later token does not change earlier logits",
    (model) => ({
      logits: (ids: tf.Tensor2D, options?: LogitsOptions) => tf.add(model.logits(ids, options), tf.sum(ids)),
    }),
  ],
  "logits that see the other rows": [
    "rows of a batch do not touch each other",
    (model) => ({
      logits: (ids: tf.Tensor2D, options?: LogitsOptions) => tf.add(model.logits(ids, options), ids.shape[0]),
    }),
  ],
  "document boundaries that are ignored": [
    "documents in one row do not see each other",
    (model) => ({
      logits: (ids: tf.Tensor2D, { documentIds, ...options }: LogitsOptions = {}) => model.logits(ids, options),
    }),
  ],
  "the first position in place of the last": [
    "lastOnly",
    (model) => ({
      logits: (ids: tf.Tensor2D, { lastOnly, ...options }: LogitsOptions = {}) => {
        const logits = model.logits(ids, options);
        return lastOnly ? tf.slice(logits, [0, 0, 0], [-1, 1, -1]) : logits;
      },
    }),
  ],
  "a cache whose position does not move": [
    "cached logits",
    (model) => ({
      logits: (ids: tf.Tensor2D, options: LogitsOptions = {}) =>
        model.logits(ids, options.cache === undefined ? options : { ...options, positionIds: tf.zerosLike(ids) }),
    }),
  ],
  "a parameter that nothing depends on": [
    "every trainable parameter",
    (model) => {
      const unused: Parameter = { name: "unused", variable: tf.variable(tf.ones([2])), trainable: true };
      const parameters = new Map(model.parameters()).set("unused", unused);
      return { parameters: () => parameters };
    },
  ],
  "another mask each time": [
    "training with the same dropout key",
    (model) => ({ loss: (batch, context) => model.loss(batch, { ...context, dropoutKey: [++counter, 0] }) }),
  ],
  "a tensor that is kept": [
    "no tensor is left behind",
    (model) => ({
      logits: (ids: tf.Tensor2D, options?: LogitsOptions) => {
        tf.keep(tf.scalar(1));
        return model.logits(ids, options);
      },
    }),
  ],
  "a dispose that does nothing": ["dispose frees", () => ({ dispose: () => undefined })],
};
let counter = 0;

test.each(Object.entries(broken))("%s", async (_, [rule, breakIt]) => {
  const create = () => {
    const model = createTiny("llama with biases");
    return { ...model, ...breakIt(model) };
  };
  const check = modelContract({ create }).find(({ name }) => name.startsWith(rule));
  await expect(check?.run()).rejects.toThrow(expect.objectContaining({ name: "AssertionError" }));
});
