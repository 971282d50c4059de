/**
 * Against transformers and PyTorch: fixtures of tools/parity/models/make_fixtures.py, with the tolerances that stand beside them.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generate, type LanguageModel, loadModel, type Parameter } from "@codex/models";
import { openSafetensors } from "@codex/safetensors";
import { adamW, clipByGlobalNorm } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { devices, selectDevice } from "./devices.ts";

const golden = (path: string) => fileURLToPath(new URL(`golden/${path}`, import.meta.url));

interface Expected {
  readonly tolerance: {
    readonly losses: number;
    readonly logits: number;
    readonly gradients: number;
    readonly trained: number;
  };
  /** [step, row, position] */
  readonly inputIds: number[][][];
  readonly labels: number[][][];
  readonly firstLossSum: number;
  readonly adamw: { lr: number; betas: [number, number]; eps: number; weightDecay: number; maxGradNorm: number };
  readonly losses: number[];
  readonly gradientNorms: number[];
  readonly greedy: { readonly prompt: number[]; readonly tokenIds: number[] };
}

async function readTensors(path: string): Promise<Map<string, Float32Array>> {
  await using reader = await openSafetensors(golden(path));
  const tensors = new Map<string, Float32Array>();
  for (const name of reader.tensors.keys()) tensors.set(name, await reader.readFloat32(name));
  return tensors;
}

/** Fails when an element differs by more than `tolerance` times the largest expected one. */
function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  expect([what, actual.length]).toEqual([what, expected.length]);
  const scale = Math.max(...Array.from(expected, Math.abs));
  const worst = Array.from(expected).reduce((most, value, index) => {
    const difference = Math.abs(actual[index]! - value);
    return difference > most || Number.isNaN(difference) ? difference : most;
  }, 0);
  expect({ what, ok: worst <= tolerance * scale, worst: worst / scale }).toMatchObject({ what, ok: true });
}

const int32 = (values: number[][]) => tf.tensor2d(values, undefined, "int32");

function lossGradients(model: LanguageModel, parameters: readonly Parameter[], inputs: number[][], labels: number[][]) {
  return tf.tidy(() => {
    const batch = { inputIds: int32(inputs), labels: int32(labels) };
    const variables = parameters.map(({ variable }) => variable);
    const { value, grads } = tf.variableGrads(() => model.loss(batch, { training: true }).lossSum, variables);
    return { lossSum: value, gradients: variables.map(({ name }) => grads[name]!) };
  });
}

/** As torch.optim.AdamW after clip_grad_norm_; matrices decay. Returns mean losses and gradient norms. */
function trainWithAdamW(model: LanguageModel, { adamw, inputIds, labels }: Expected) {
  const parameters = [...model.parameters().values()];
  const zeros = () => parameters.map(({ variable }) => tf.tidy(() => tf.variable(tf.zerosLike(variable))));
  const [firstMoments, secondMoments] = [zeros(), zeros()];
  const losses: number[] = [];
  const norms: number[] = [];
  for (const [index, inputs] of inputIds.entries()) {
    const targets = labels[index]!.flat().filter((label) => label !== -100).length;
    tf.tidy(() => {
      const { lossSum, gradients } = lossGradients(model, parameters, inputs, labels[index]!);
      const clipped = clipByGlobalNorm(gradients, adamw.maxGradNorm, tf.scalar(1 / targets));
      adamW({
        parameters: parameters.map(({ variable }) => variable),
        gradients: clipped.gradients,
        firstMoments,
        secondMoments,
        learningRate: adamw.lr,
        beta1: adamw.betas[0],
        beta2: adamw.betas[1],
        eps: adamw.eps,
        weightDecay: parameters.map(({ variable }) => (variable.rank >= 2 ? adamw.weightDecay : 0)),
        step: index + 1,
      });
      losses.push(lossSum.dataSync()[0]! / targets);
      norms.push(clipped.norm.dataSync()[0]!);
    });
  }
  tf.dispose([...firstMoments, ...secondMoments]);
  return { losses, norms };
}

/**
 * GPT-2's bias of the keys adds the same to all scores of a query, so softmax removes it and its true gradient is zero. What is computed
 * is rounding, which AdamW scales up to steps of the learning rate: there is nothing to compare.
 */
function withoutKeyBias(name: string, values: Float32Array): number[] {
  const third = values.length / 3;
  return [...values].filter((_, index) => !name.endsWith("c_attn.bias") || Math.floor(index / third) !== 1);
}

const models = ["gpt2-tied", "gpt2-untied-erf", "llama-gqa-llama3", "llama-tied-linear-biases"];

describe.each(devices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device);
  });

  describe.each(models)("%s", (name) => {
    const expected = JSON.parse(readFileSync(golden(`${name}/expected.json`), "utf8")) as Expected;
    const { tolerance, inputIds, labels } = expected;
    let tensors: Map<string, Float32Array>;
    let model: LanguageModel;
    beforeAll(async () => {
      tensors = await readTensors(`${name}/expected.safetensors`);
    });
    beforeEach(async () => {
      model = await loadModel(golden(name));
    });
    afterEach(() => model.dispose());

    test("logits", () => {
      const logits = tf.tidy(() => model.logits(int32(inputIds[0]!)).dataSync());
      expectNear(logits, tensors.get("logits")!, tolerance.logits, "logits");
      const further = tensors.get("long_position_logits");
      if (further === undefined) return;
      const positionIds = inputIds[0]!.map((row) => row.map((_, t) => t + 40));
      const moved = tf.tidy(() => model.logits(int32(inputIds[0]!), { positionIds: int32(positionIds) }).dataSync());
      expectNear(moved, further, tolerance.logits, "logits at positions 40 and after");
    });

    test("loss and every gradient", () => {
      const parameters = [...model.parameters().values()];
      const { lossSum, gradients } = lossGradients(model, parameters, inputIds[0]!, labels[0]!);
      expectNear(lossSum.dataSync(), [expected.firstLossSum], tolerance.losses, "loss");
      const wanted = [...tensors.keys()]
        .filter((key) => key.startsWith("gradient."))
        .map((key) => key.slice("gradient.".length));
      expect(parameters.map((parameter) => parameter.name).sort()).toEqual(wanted.sort());
      for (const [index, parameter] of parameters.entries()) {
        expectNear(
          gradients[index]!.dataSync(),
          tensors.get(`gradient.${parameter.name}`)!,
          tolerance.gradients,
          parameter.name,
        );
      }
      tf.dispose([lossSum, gradients]);
    });

    test("20 steps of AdamW with clipping: losses, gradient norms and the weights at the end", () => {
      const before = tf.memory().numTensors;
      const { losses, norms } = trainWithAdamW(model, expected);
      expect(tf.memory().numTensors).toBe(before);
      for (const [step, loss] of losses.entries()) {
        expectNear([loss], [expected.losses[step]!], tolerance.losses, `loss of step ${step}`);
        expectNear(
          [norms[step]!],
          [expected.gradientNorms[step]!],
          tolerance.gradients,
          `gradient norm of step ${step}`,
        );
      }
      for (const [parameter, { variable }] of model.parameters()) {
        const [ours, theirs] = [variable.dataSync(), tensors.get(`trained.${parameter}`)!].map((values) =>
          withoutKeyBias(parameter, values as Float32Array),
        );
        expectNear(ours!, theirs!, tolerance.trained, parameter);
      }
    });

    test("greedy generation", async () => {
      const { prompt, tokenIds } = expected.greedy;
      const ours = await generate(model, prompt, { temperature: 0, maxNewTokens: tokenIds.length, stopTokenIds: [] });
      expect(ours.tokenIds).toEqual(tokenIds);
    });
  });

  test.each(["llama-float16", "llama-bfloat16"])("the weights of %s are those of transformers", async (name) => {
    const model = await loadModel(golden(name));
    const ids = [Array.from({ length: 12 }, (_, index) => 5 * index)];
    const logits = tf.tidy(() => model.logits(int32(ids)).dataSync());
    expectNear(logits, (await readTensors(`${name}/expected.safetensors`)).get("logits")!, 1e-5, "logits");
    model.dispose();
  });
});
