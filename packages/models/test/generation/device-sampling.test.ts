/** Where the device has a kernel that samples, only tokens come back, and they are those of JavaScript. */
import { argMax, filterLogits, type GenerateOptions, generate, type LanguageModel, softmax } from "@codex/models";
import * as tf from "@tensorflow/tfjs-core";
import { selectDevice } from "../devices.ts";
import { createTiny } from "../tiny-models.ts";

const PROMPT = [5, 9, 1];

/** The kernel as op-set.md describes it, in plain loops. */
function sampleKernel(seen: { context: number[] | undefined }[]): tf.KernelConfig {
  return {
    kernelName: "CodexSample",
    backendName: "cpu",
    kernelFunc({ inputs, attrs }) {
      const { uniforms, ...options } = attrs as unknown as Parameters<typeof filterLogits>[2] & { uniforms: number[] };
      const logits = (inputs["logits"] as tf.Tensor2D).arraySync();
      const context = (inputs["context"] as tf.Tensor2D | undefined)?.arraySync()[0];
      seen.push({ context });
      const tokens = logits.map((row, index) => {
        if (row.some((value) => Number.isNaN(value) || value === Number.POSITIVE_INFINITY)) return -1;
        const scores = filterLogits(Float32Array.from(row), context ?? [], options);
        if (options.temperature === 0) return argMax(scores);
        let remaining = uniforms[index]!;
        return softmax(scores).findIndex((probability) => {
          remaining -= probability;
          return remaining < 0;
        });
      });
      return [tf.tensor1d(tokens, "int32")];
    },
  };
}

let model: LanguageModel;
let seen: { context: number[] | undefined }[];

beforeEach(async () => {
  await selectDevice("cpu");
  model = createTiny("llama");
  seen = [];
});
afterEach(() => model.dispose());

async function onDevice<T>(run: () => Promise<T>): Promise<T> {
  tf.registerKernel(sampleKernel(seen));
  try {
    return await run();
  } finally {
    tf.unregisterKernel("CodexSample", "cpu");
  }
}

const generated = (options: GenerateOptions) =>
  generate(model, PROMPT, { maxNewTokens: 8, stopTokenIds: [], seed: 5, ...options });

test.each<[string, GenerateOptions]>([
  ["greedy", { temperature: 0 }],
  ["drawn", {}],
  ["with every filter", { temperature: 0.7, topK: 20, topP: 0.9, minP: 0.01 }],
  ["with a repetition penalty", { temperature: 0.9, repetitionPenalty: 1.5 }],
])("%s: the same tokens", async (_name, options) => {
  const expected = await generated(options);
  const before = tf.memory().numTensors;
  expect(await onDevice(() => generated(options))).toEqual(expected);
  expect(tf.memory().numTensors).toBe(before);
  const { tokenIds } = expected;
  const contexts = tokenIds.map((_, count) => [...PROMPT, ...tokenIds.slice(0, count)]);
  expect(seen).toEqual(contexts.map((context) => ({ context: options.repetitionPenalty ? context : undefined })));
});

test("logits that are no numbers are the same error", async () => {
  const parameter = model.parameters().get("model.norm.weight")!;
  parameter.variable.assign(tf.fill(parameter.variable.shape, Number.NaN));
  const error = await generated({}).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "MODEL_LOGITS_NOT_FINITE" });
  await expect(onDevice(() => generated({}))).rejects.toEqual(error);
  expect(seen).toHaveLength(1);
});
