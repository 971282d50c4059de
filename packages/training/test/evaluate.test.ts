import { selectDevice } from "@codex/tensor";
import { evaluateLoss, type HostBatch } from "@codex/training";
import * as tf from "@tensorflow/tfjs-core";
import { createTinyModel, tinyBatch, tinyEvaluation } from "./tiny-model.ts";

beforeAll(async () => {
  await selectDevice("cpu");
});

const model = () => createTinyModel({ dropoutRate: 0.5 });

test("every target weighs the same, however the samples are cut into batches", async () => {
  const results = [];
  for (const batchSize of [1, 2, 3, 7, 100])
    results.push((await evaluateLoss(model(), tinyEvaluation(7), { batchSize }))!);
  const counts = [...tinyEvaluation(7).batches(1)].map(({ labels }) => labels.filter((label) => label !== -100).length);
  expect(new Set(counts).size).toBeGreaterThan(1);
  for (const { lossNats, targets } of results) {
    expect(targets).toBe(counts.reduce((sum, count) => sum + count, 0));
    expect(Math.abs(lossNats - results[0]!.lossNats)).toBeLessThan(1e-6); // float32 sums of 7 rows in another order
  }
});

test("a model that knows nothing has the loss, perplexity and bits per byte of a fair die", async () => {
  const flat = model();
  for (const { variable } of flat.parameters().values()) variable.assign(tf.zerosLike(variable));
  const result = (await evaluateLoss(flat, tinyEvaluation(7, 4), { batchSize: 3 }))!;
  expect(result.lossNats).toBeCloseTo(Math.log(17), 6);
  expect(result.perplexity).toBeCloseTo(17, 5);
  expect(result.bitsPerByte).toBeCloseTo(Math.log2(17) / 4, 6);
});

test("bits per byte needs the bytes of every batch", async () => {
  const { byteCount: _, ...silent } = tinyBatch([3]);
  const source = { batches: (): HostBatch[] => [{ ...tinyBatch([1]), byteCount: 9 }, silent] };
  expect((await evaluateLoss(model(), source, { batchSize: 1 }))!.bitsPerByte).toBeUndefined();
});

test("maxBatches takes the first ones", async () => {
  const first = await evaluateLoss(model(), tinyEvaluation(7), { batchSize: 2, maxBatches: 2 });
  expect(first).toEqual(await evaluateLoss(model(), tinyEvaluation(4), { batchSize: 2 }));
});

test("an abort gives nothing rather than half a result", async () => {
  const options = { batchSize: 2, signal: AbortSignal.abort() };
  expect(await evaluateLoss(model(), tinyEvaluation(7), options)).toBeUndefined();
});

test("a loss that is not finite is an error that names the samples", async () => {
  const broken = model();
  broken
    .parameters()
    .get("up.bias")!
    .variable.assign(tf.fill([16], Number.NaN));
  await expect(evaluateLoss(broken, tinyEvaluation(7), { batchSize: 2 })).rejects.toMatchObject({
    code: "TRAINING_NOT_FINITE",
    message: "evaluation, samples 100, 101: expected a finite loss sum, got NaN",
  });
});
