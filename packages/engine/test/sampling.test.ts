/** Tokens chosen by the engine are those that `@codex/models` chooses in JavaScript. */
import "@codex/engine";
import { type SamplingOptions, sampleToken } from "@codex/models";
import { createStream } from "@codex/random";
import { sample } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";

const PLAIN: SamplingOptions = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

beforeAll(async () => {
  await tf.setBackend("engine");
});

/** As `drawToken` makes it: 53 bits of the two words of the position. */
function uniformAt(stream: ReturnType<typeof createStream>, position: number): number {
  const [high, low] = [stream.uint32At(2 * position), stream.uint32At(2 * position + 1)];
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) * 2 ** -53;
}

test.each<[string, Partial<SamplingOptions>]>([
  ["the highest", { temperature: 0 }],
  ["the highest after a penalty", { temperature: 0, repetitionPenalty: 1.5 }],
  ["any", {}],
  ["a temperature", { temperature: 0.7 }],
  ["top-k", { topK: 12 }],
  ["top-p", { topP: 0.8 }],
  ["min-p", { minP: 0.02 }],
  ["all filters", { temperature: 1.3, topK: 40, topP: 0.95, minP: 0.01, repetitionPenalty: 1.2 }],
])("chooses by %s", async (_, changed) => {
  const options = { ...PLAIN, ...changed };
  const stream = createStream(7, "sampling");
  const batch = 50;
  const vocabSize = 1003;
  const context = [3, 5, 3, 1002];
  const values = Float32Array.from({ length: batch * vocabSize }, (_, i) => 6 * stream.normalAt(1_000_000 + i));
  const expected = Array.from({ length: batch }, (_, row) =>
    sampleToken(values.subarray(row * vocabSize, (row + 1) * vocabSize), context, options, stream, row),
  );
  const tokens = sample(tf.tensor2d(values, [batch, vocabSize]), {
    ...options,
    uniforms: expected.map((_, row) => uniformAt(stream, row)),
    context: tf.tensor2d(Array.from({ length: batch }, () => context).flat(), [batch, context.length], "int32"),
  });
  expect(Array.from(await tokens!.data())).toEqual(expected);
});

test("a row that is not finite has no token, and the others have theirs", async () => {
  const logits = tf.tensor2d([1, 2, 3, 1, Number.NaN, 2, 3, 1, Number.POSITIVE_INFINITY], [3, 3]);
  const tokens = sample(logits, { ...PLAIN, temperature: 0, uniforms: [0, 0, 0] });
  expect(Array.from(await tokens!.data())).toEqual([2, -1, -1]);
});
