/**
 * @module Contract tests of language models, for authors of model plugins; the families of this package pass the same ones.
 *
 * ```js
 * import { modelContract } from "@codex/models/testing";
 * for (const { name, run } of modelContract({ create: () => myModel.create(options, { vocabSize: 31, seed: 1 }) })) test(name, run);
 * ```
 */
import { strict as assert } from "node:assert";
import * as tf from "@tensorflow/tfjs-core";
import { generate } from "./generation/generate.ts";
import type { LanguageModel, Parameter, TrainingBatch } from "./language-model.ts";

export interface ModelContractSubject {
  /** A new small model with random weights: at least 5 token ids and 4 positions. The tests dispose it. */
  readonly create: () => LanguageModel;
  /** Largest difference of logits that should be equal, relative to the largest logit. Default 1e-5, some ten roundings of float32. */
  readonly tolerance?: number;
}

export interface ContractTest {
  readonly name: string;
  /** Rejects with an AssertionError when the model breaks the contract. */
  readonly run: () => Promise<void>;
}

const KEY = [1, 2] as const;

/** The tests, for any test runner. They run on the current TensorFlow.js backend. */
export function modelContract({ create, tolerance = 1e-5 }: ModelContractSubject): readonly ContractTest[] {
  const contract = (name: string, check: (model: LanguageModel) => void | Promise<void>): ContractTest => ({
    name,
    async run() {
      const model = create();
      try {
        await check(model);
      } finally {
        model.dispose();
      }
    },
  });
  const near = (actual: Values, expected: Values, what: string): void => assertNear(actual, expected, tolerance, what);

  return [
    contract("parameters have unique names and variables, and finite float32 values", (model) => {
      const parameters = [...model.parameters()];
      assert.ok(parameters.length > 0, "the model has no parameters");
      for (const [name, parameter] of parameters) {
        assert.equal(parameter.name, name);
        assert.equal(parameter.variable.dtype, "float32", name);
        assert.ok(parameter.variable.dataSync().every(Number.isFinite), `${name} is not finite`);
      }
      assert.equal(
        new Set(parameters.map(([, { variable }]) => variable.id)).size,
        parameters.length,
        "a variable is listed twice",
      );
    }),
    contract("the same seed gives the same weights", (model) => {
      const twin = create();
      for (const [name, { variable }] of model.parameters()) {
        assert.deepEqual(twin.parameters().get(name)?.variable.dataSync(), variable.dataSync(), name);
      }
      twin.dispose();
    }),
    contract("configJson is plain JSON that names the family", (model) => {
      const json = model.configJson();
      const copy = JSON.parse(JSON.stringify(json)) as Record<string, unknown>;
      assert.deepEqual(Object.keys(copy), Object.keys(json)); // JSON drops undefined and functions
      assert.equal(json["model_type"], model.family);
      assert.equal(json["vocab_size"], model.config.vocabSize);
    }),
    contract("loss is the summed negative log-likelihood under logits, over labels that are not -100", (model) => {
      const ids = exampleIds(model);
      const labels = ids.map((row, b) =>
        row.map((id, t) => ((b + t) % 3 === 0 ? -100 : (id + 1) % model.config.vocabSize)),
      );
      const logits = logitsOf(model, ids);
      const expected = labels
        .flat()
        .map((label, row) => (label === -100 ? 0 : negativeLogLikelihood(logits[row]!, label)));
      const { lossSum, targetCount } = lossOf(model, ids, labels);
      assert.equal(targetCount, labels.flat().filter((label) => label !== -100).length);
      near([lossSum], [sum(expected)], "lossSum");
    }),
    contract("a batch without targets has loss 0 and count 0", (model) => {
      const ids = exampleIds(model);
      assert.deepEqual(
        lossOf(
          model,
          ids,
          ids.map((row) => row.map(() => -100)),
        ),
        { lossSum: 0, targetCount: 0 },
      );
    }),
    contract("rows of a batch do not touch each other", (model) => {
      const ids = exampleIds(model);
      const together = logitsOf(model, ids);
      for (const [b, row] of ids.entries()) {
        for (const [t, logits] of logitsOf(model, [row]).entries()) {
          near(logits, together[b * row.length + t]!, `row ${b}, position ${t}`);
        }
      }
    }),
    contract("a later token does not change earlier logits", (model) => {
      const [row] = exampleIds(model) as [number[]];
      const before = logitsOf(model, [row]);
      const last = row.length - 1;
      const after = logitsOf(model, [row.with(last, otherId(model, row[last]!))]);
      for (let t = 0; t < last; t++) near(after[t]!, before[t]!, `position ${t}`);
      assert.ok(differ(after[last]!, before[last]!), "the last logits do not depend on the last token");
    }),
    contract("documents in one row do not see each other", (model) => {
      const [row] = exampleIds(model) as [number[]];
      const half = row.length >> 1;
      const documents = {
        documentIds: [row.map((_, t) => (t < half ? 0 : 1))],
        positionIds: [row.map((_, t) => (t < half ? t : t - half))],
      };
      const packed = logitsOf(model, [row], documents);
      const alone = [...logitsOf(model, [row.slice(0, half)]), ...logitsOf(model, [row.slice(half)])];
      for (const [t, logits] of packed.entries()) near(logits, alone[t]!, `position ${t}`);
      const labels = [row.map((id, t) => (t < half ? -100 : id))];
      const changed = [row.with(0, otherId(model, row[0]!))];
      near(
        [lossOf(model, changed, labels, documents).lossSum],
        [lossOf(model, [row], labels, documents).lossSum],
        "loss of the other document",
      );
    }),
    contract("lastOnly gives the last position's logits", (model) => {
      const [row] = exampleIds(model) as [number[]];
      const inputIds = tf.tensor2d([row], undefined, "int32");
      const last = model.logits(inputIds, { lastOnly: true });
      assertShape(last, [1, 1, model.config.vocabSize]);
      near(last.dataSync(), logitsOf(model, [row]).at(-1)!, "last position");
      tf.dispose([inputIds, last]);
    }),
    contract("cached logits equal those of full recomputation", (model) => {
      const cache = model.createCache?.();
      if (cache === undefined) return;
      const [row] = exampleIds(model) as [number[]];
      const full = logitsOf(model, [row]);
      let position = 0;
      for (const piece of [row.slice(0, 2), ...row.slice(2).map((id) => [id])]) {
        const inputIds = tf.tensor2d([piece], undefined, "int32");
        const logits = model.logits(inputIds, { cache });
        for (const values of logits.arraySync()[0]!) near(values, full[position]!, `position ${position++}`);
        tf.dispose([inputIds, logits]);
      }
      assert.equal(cache.length, row.length);
      cache.dispose();
    }),
    contract("every trainable parameter has a gradient that is finite and not zero, a frozen one has none", (model) => {
      const parameters = [...model.parameters().values()].filter(({ trainable }) => trainable);
      const all = gradientsOf(model, parameters);
      for (const { name } of parameters) {
        const values = all.get(name)!;
        assert.ok(values.every(Number.isFinite), `gradient of ${name} is not finite`);
        assert.ok(
          values.some((value) => value !== 0),
          `gradient of ${name} is zero`,
        );
      }
      const [frozen, ...rest] = parameters as [Parameter, ...Parameter[]];
      frozen.trainable = false;
      assert.equal(model.parameters().get(frozen.name)?.trainable, false, "trainable cannot be switched off");
      for (const [name, values] of gradientsOf(model, rest)) near(values, all.get(name)!, `gradient of ${name}`);
    }),
    contract("training with the same dropout key gives the same loss", (model) => {
      const ids = exampleIds(model);
      const first = lossOf(model, ids, ids, {}, KEY);
      assert.deepEqual(lossOf(model, ids, ids, {}, KEY), first);
    }),
    contract("no tensor is left behind", async (model) => {
      const before = tf.memory().numTensors;
      const ids = exampleIds(model);
      lossOf(model, ids, ids);
      logitsOf(model, ids);
      gradientsOf(model, [...model.parameters().values()]);
      await generate(model, ids[0]!.slice(0, 2), { maxNewTokens: 2 });
      assert.equal(tf.memory().numTensors, before);
    }),
    {
      name: "dispose frees every tensor of the model",
      async run() {
        const before = tf.memory().numTensors;
        create().dispose();
        assert.equal(tf.memory().numTensors, before);
      },
    },
  ];
}

type Values = ArrayLike<number>;
interface Segments {
  readonly documentIds?: readonly number[][];
  readonly positionIds?: readonly number[][];
}

/** Two rows of up to 8 tokens. */
function exampleIds(model: LanguageModel): number[][] {
  const { vocabSize, maxPositionEmbeddings } = model.config;
  const length = Math.min(8, maxPositionEmbeddings);
  return [3, 5].map((stride) => Array.from({ length }, (_, t) => (stride * t * t + t + 1) % vocabSize));
}

function otherId(model: LanguageModel, id: number): number {
  return (id + 2) % model.config.vocabSize;
}

/** Runs `use` on the batch's tensors and frees them. */
function withBatch<T>(ids: number[][], labels: number[][], segments: Segments, use: (batch: TrainingBatch) => T): T {
  const int32 = (values: readonly number[][]): tf.Tensor2D => tf.tensor2d(values as number[][], undefined, "int32");
  const { documentIds, positionIds } = segments;
  const batch: TrainingBatch = {
    inputIds: int32(ids),
    labels: int32(labels),
    ...(documentIds === undefined ? {} : { documentIds: int32(documentIds) }),
    ...(positionIds === undefined ? {} : { positionIds: int32(positionIds) }),
  };
  try {
    return use(batch);
  } finally {
    tf.dispose(Object.values(batch) as tf.Tensor[]);
  }
}

/** One array of `vocab` logits per row and position. */
function logitsOf(model: LanguageModel, ids: number[][], segments: Segments = {}): number[][] {
  return withBatch(ids, ids, segments, ({ inputIds, labels, ...options }) => {
    const logits = model.logits(inputIds, options);
    assertShape(logits, [ids.length, ids[0]!.length, model.config.vocabSize]);
    const rows = logits.arraySync().flat();
    logits.dispose();
    return rows;
  });
}

function lossOf(
  model: LanguageModel,
  ids: number[][],
  labels: number[][],
  segments: Segments = {},
  dropoutKey?: readonly [number, number],
): { lossSum: number; targetCount: number } {
  const context = dropoutKey === undefined ? { training: false } : { training: true, dropoutKey };
  return withBatch(ids, labels, segments, (batch) => {
    const { lossSum, targetCount } = model.loss(batch, context);
    const values = { lossSum: lossSum.dataSync()[0]!, targetCount: targetCount.dataSync()[0]! };
    tf.dispose([lossSum, targetCount]);
    return values;
  });
}

function gradientsOf(model: LanguageModel, parameters: readonly Parameter[]): Map<string, Float32Array> {
  const ids = exampleIds(model);
  const labels = ids.map((row) => row.map((id) => otherId(model, id)));
  const variables = parameters.map(({ variable }) => variable);
  return withBatch(ids, labels, {}, (batch) => {
    const { value, grads } = tf.variableGrads(() => model.loss(batch, { training: false }).lossSum, variables);
    const entries = parameters.map(({ name, variable }) => {
      const gradient = grads[variable.name];
      assert.ok(gradient, `no gradient reaches ${name}`);
      return [name, gradient.dataSync() as Float32Array] as const;
    });
    tf.dispose([value, grads]);
    return new Map(entries);
  });
}

function negativeLogLikelihood(logits: Values, label: number): number {
  const highest = Math.max(...Array.from(logits));
  return Math.log(sum(Array.from(logits, (value) => Math.exp(value - highest)))) + highest - logits[label]!;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function differ(a: Values, b: Values): boolean {
  return Array.from(a).some((value, index) => value !== b[index]);
}

/** By text: a native backend and a test runner may each have an Array of their own, which `deepEqual` tells apart. */
function assertShape(tensor: tf.Tensor, expected: readonly number[]): void {
  assert.equal(tensor.shape.join(), expected.join(), "shape");
}

function assertNear(actual: Values, expected: Values, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  const scale = Math.max(...Array.from(expected, Math.abs), Number.MIN_VALUE);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    assert.ok(difference <= tolerance * scale, `${what}: element ${i}: expected ${expected[i]}, got ${actual[i]}`);
  }
}
