/**
 * How many kernels a step launches on a device that has every kernel of the op set. The kernels of this device give zeros of the right
 * shapes: what is launched does not depend on values. Reshape and Identity count references and launch nothing on such a device.
 */
import { createModel, type LanguageModel } from "@codex/models";
import { type OP_SET, selectDevice } from "@codex/tensor";
import { type HostBatch, type TrainingOptionsInput, train } from "@codex/training";
import * as tf from "@tensorflow/tfjs-core";

const BACKEND = "counting";
const FREE = new Set(["Identity", "Reshape"]);
const launched: string[] = [];

type Shape = readonly number[];
type Shapes = Readonly<Record<string, Shape>>;
type Attributes = Readonly<Record<string, unknown>>;

interface FakeKernel {
  readonly outputs: (shapes: Shapes, attributes: Attributes) => readonly Shape[];
  /** Of each input that may want a gradient. */
  readonly gradients?: (shapes: Shapes, attributes: Attributes) => Shapes;
}

const rows = (shape: Shape): Shape => [...shape.slice(0, -1), 1];
const same = (name: string): FakeKernel => ({ outputs: (shapes) => [shapes[name]!] });

const KERNELS: Record<keyof typeof OP_SET.ops, FakeKernel> = {
  CodexLinear: {
    outputs({ x, weight }, { weightLayout, activation }) {
      const y = [...x!.slice(0, -1), weight![weightLayout === "outIn" ? 0 : 1]!];
      return activation === "none" ? [y] : [y, y];
    },
    gradients: ({ x, weight, dy }) => ({ x: x!, weight: weight!, bias: [dy!.at(-1)!] }),
  },
  CodexEmbedding: {
    outputs: ({ weight, ids }) => [[...ids!, weight![1]!]],
    gradients: ({ dy }, { vocabSize }) => ({ weight: [vocabSize as number, dy!.at(-1)!] }),
  },
  CodexLayerNorm: {
    outputs: ({ x }) => [x!, rows(x!), rows(x!)],
    gradients: ({ x, weight }) => ({ x: x!, weight: weight!, bias: weight! }),
  },
  CodexRmsNorm: {
    outputs: ({ x }) => [x!, rows(x!)],
    gradients: ({ x, weight }) => ({ x: x!, weight: weight! }),
  },
  CodexRotaryEmbedding: { ...same("x"), gradients: ({ dy }) => ({ x: dy! }) },
  CodexAttention: { ...same("q"), gradients: ({ q, k, v }) => ({ q: q!, k: k!, v: v! }) },
  CodexSelfAttention: {
    outputs: ({ qkv }) => [[qkv![0]!, qkv![1]!, qkv![2]! / 3]],
    gradients: ({ qkv }) => ({ qkv: qkv! }),
  },
  CodexGelu: { ...same("x"), gradients: ({ x }) => ({ x: x! }) },
  CodexSwiglu: { ...same("gate"), gradients: ({ gate, up }) => ({ gate: gate!, up: up! }) },
  CodexDropout: { ...same("x"), gradients: ({ dy }) => ({ x: dy! }) },
  CodexLinearCrossEntropy: {
    outputs: ({ hidden, weight }, { withGradients }) => (withGradients ? [[], hidden!, weight!] : [[]]),
    gradients: ({ extra0, extra1 }) => ({ hidden: extra0!, weight: extra1! }),
  },
  CodexGlobalNorm: { outputs: () => [[]] },
  CodexAccumulate: same("sum"),
  CodexAdamW: { outputs: () => [] },
  CodexSgd: { outputs: () => [] },
  CodexCacheAppend: same("cache"),
  CodexSample: { outputs: ({ logits }) => [[logits![0]!]] },
};

function registerFake(kernelName: string, outputs: FakeKernel["outputs"]): void {
  tf.registerKernel({
    kernelName,
    backendName: BACKEND,
    kernelFunc({ inputs, attrs, backend }) {
      const shapes = Object.fromEntries(Object.entries(inputs).map(([name, info]) => [name, info!.shape]));
      const dtype = kernelName === "CodexSample" ? "int32" : "float32";
      return outputs(shapes, attrs as Attributes).map((shape) => ({
        dataId: (backend as tf.KernelBackend).write(
          new Float32Array(tf.util.sizeFromShape([...shape])),
          [...shape],
          dtype,
        ),
        shape: [...shape],
        dtype,
      }));
    },
  });
}

beforeAll(async () => {
  await selectDevice("cpu");
  const Cpu = tf.backend().constructor as new () => tf.KernelBackend & { firstUse: boolean };
  tf.registerBackend(BACKEND, () => {
    const backend = new Cpu();
    backend.firstUse = false; // no advice on the console
    return backend;
  });
  tf.copyRegisteredKernels("cpu", BACKEND);
  for (const [kernelName, { outputs, gradients }] of Object.entries(KERNELS)) {
    if (tf.getKernel(kernelName, BACKEND)) tf.unregisterKernel(kernelName, BACKEND);
    registerFake(kernelName, outputs);
    if (gradients === undefined) continue;
    registerFake(`${kernelName}Gradient`, (shapes, attributes) => {
      const all = gradients(shapes, attributes);
      return (attributes["gradientsOf"] as string[]).map((name) => all[name]!);
    });
  }
  for (const kernel of tf.getKernelsForBackend(BACKEND)) {
    tf.unregisterKernel(kernel.kernelName, BACKEND);
    tf.registerKernel({
      ...kernel,
      kernelFunc(call) {
        launched.push(kernel.kernelName);
        return kernel.kernelFunc(call);
      },
    });
  }
  await tf.setBackend(BACKEND);
});

/** Launches of one step of training, after a first one. */
async function launchesOfStep(model: LanguageModel, options: TrainingOptionsInput = {}): Promise<string[]> {
  const [rowCount, length] = [2, 4];
  const ids = new Int32Array(rowCount * length).fill(1);
  const batch: HostBatch = { rows: rowCount, sequenceLength: length, inputIds: ids, labels: ids, sampleIds: [0, 1] };
  let ofStep: string[] = [];
  await train({
    model,
    data: { samplesPerEpoch: 100, batch: () => batch },
    seed: 1,
    options: { maxSteps: 2, batchSize: rowCount, evaluationEverySteps: 0, ...options },
    onEvent({ type }) {
      if (type === "step") ofStep = launched.splice(0);
    },
  });
  return ofStep.filter((kernelName) => !FREE.has(kernelName));
}

const gpt2 = (numHiddenLayers: number, dropout = 0): LanguageModel =>
  createModel(
    {
      ...{ modelType: "gpt2", vocabSize: 11, hiddenSize: 8, numAttentionHeads: 2, maxPositionEmbeddings: 4 },
      ...{ numHiddenLayers, embdPdrop: dropout, attnPdrop: dropout, residPdrop: dropout },
    },
    { seed: 1 },
  );

const llama = (numHiddenLayers: number): LanguageModel =>
  createModel(
    {
      ...{ modelType: "llama", vocabSize: 11, hiddenSize: 8, intermediateSize: 12, maxPositionEmbeddings: 4 },
      ...{ numHiddenLayers, numAttentionHeads: 2, numKeyValueHeads: 1 },
    },
    { seed: 1 },
  );

test("a step of a 12-layer GPT-2: forward, backward, clip and AdamW", async () => {
  const launches = await launchesOfStep(gpt2(12));
  // Forward 7 a layer, backward 7 and 2 additions on the residual stream; 27 for embedding, last norm, loss, clip and update.
  expect(launches.length).toBe(12 * 16 + 27);
});

test.each([
  ["GPT-2", gpt2, 16],
  ["GPT-2 with dropout", (layers: number) => gpt2(layers, 0.1), 22],
  ["Llama", llama, 31],
] as const)("a layer of %s", async (_name, create, expected) => {
  const [one, two] = [await launchesOfStep(create(1)), await launchesOfStep(create(2))];
  expect(two.length - one.length).toBe(expected);
});
