import { adamW, clipByGlobalNorm, selectDevice, sgd } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { presentDevices, projectDirectory } from "./devices.ts";
import { expectClose, type Packed, readCases, unpack } from "./fixtures.ts";

interface OptimizerCase {
  readonly name: string;
  readonly weightDecay: number[];
  readonly tolerance: number;
  readonly initial: Packed[];
  readonly steps: { gradients: Packed[]; parameters: Packed[] }[];
}

interface ClipCase {
  readonly name: string;
  readonly maxNorm: number | null;
  readonly scale: number;
  readonly tolerance: number;
  readonly gradients: Packed[];
  readonly norm: number;
  readonly clipped: Packed[];
}

const optimizers = readCases<{ adamW: OptimizerCase[]; sgd: OptimizerCase[] }>("optimizers.json");
const clips = readCases<ClipCase[]>("clip.json");

function variables(packed: readonly Packed[]): tf.Variable[] {
  return packed.map((one) => tf.variable(unpack(one)));
}

function zeros(packed: readonly Packed[]): tf.Variable[] {
  return packed.map(({ shape }) => tf.variable(tf.zeros(shape)));
}

/** Runs every step of the fixture and compares the parameters after each. */
function follow(
  { initial, steps, tolerance }: OptimizerCase,
  step: (parameters: tf.Variable[], gradients: tf.Tensor[], step: number) => void,
): void {
  const parameters = variables(initial);
  steps.forEach((expected, i) => {
    step(parameters, expected.gradients.map(unpack), i + 1);
    parameters.forEach((parameter, j) => {
      expectClose(parameter, expected.parameters[j]!, tolerance);
    });
  });
}

describe.each(presentDevices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device, { projectDirectory });
  });

  /** The settings of `make_fixtures.py`. */
  function followAdamW(fixture: OptimizerCase): void {
    const [firstMoments, secondMoments] = [zeros(fixture.initial), zeros(fixture.initial)];
    const settings = { learningRate: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: fixture.weightDecay };
    follow(fixture, (parameters, gradients, step) => {
      adamW({ parameters, gradients, firstMoments, secondMoments, step, ...settings });
    });
  }

  test("adamW is torch.optim.AdamW, step by step", () => {
    followAdamW(optimizers.adamW[0]!);
  });

  test("adamW composed of plain kernels is, too", () => {
    const kernel = tf.getKernel("CodexAdamW", tf.getBackend());
    if (kernel) tf.unregisterKernel(kernel.kernelName, kernel.backendName);
    try {
      followAdamW(optimizers.adamW[0]!);
    } finally {
      if (kernel) tf.registerKernel(kernel);
    }
  });

  test.each(optimizers.sgd.map((fixture) => [fixture.name, fixture] as const))(
    "sgd, %s, is torch.optim.SGD",
    (name, fixture) => {
      const momentumBuffers = zeros(fixture.initial);
      const momentum = name === "plain" ? 0 : 0.9;
      const settings = { learningRate: 0.1, momentum, weightDecay: fixture.weightDecay, nesterov: name === "nesterov" };
      follow(fixture, (parameters, gradients, step) => {
        sgd({ parameters, gradients, step, ...settings, ...(momentum !== 0 && { momentumBuffers }) });
      });
    },
  );

  test("the eps of adamW is added after the correction of the second moment", () => {
    const [parameter, first, second] = [0, 0, 0].map((value) => tf.variable(tf.tensor([value])));
    const state = { parameters: [parameter!], firstMoments: [first!], secondMoments: [second!] };
    const settings = { learningRate: 1, beta1: 0.9, beta2: 0.999, eps: 0.25, weightDecay: [0], step: 1 };
    adamW({ ...state, gradients: [tf.tensor([2])], ...settings });
    // Both corrected moments are those of one gradient: 2 / (2 + 0.25).
    expectClose(parameter!, tf.tensor([-2 / 2.25]), 1e-6);
  });

  test("a step changes the variables only: not the tensors they came from, nor the gradients", () => {
    const initial = tf.tensor([1, 2, 3]);
    const parameter = tf.variable(initial);
    const gradient = tf.tensor([1, 1, 1]);
    const moments = [tf.variable(tf.zeros([3])), tf.variable(tf.zeros([3]))];
    const settings = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: [0], step: 1 };
    adamW({
      parameters: [parameter],
      gradients: [gradient],
      firstMoments: [moments[0]!],
      secondMoments: [moments[1]!],
      ...settings,
    });
    expectClose(parameter, tf.tensor([0.9, 1.9, 2.9]), 1e-6);
    expect(Array.from(initial.dataSync())).toEqual([1, 2, 3]);
    expect(Array.from(gradient.dataSync())).toEqual([1, 1, 1]);
  });

  test.each(clips.map((fixture) => [fixture.name, fixture] as const))(
    "clipByGlobalNorm, %s, is clip_grad_norm_",
    (_name, fixture) => {
      const gradients = fixture.gradients.map(unpack);
      const { gradients: clipped, norm } = clipByGlobalNorm(
        gradients,
        fixture.maxNorm ?? undefined,
        tf.scalar(fixture.scale),
      );
      expect(norm.dataSync()[0]).toBeCloseTo(fixture.norm, 4);
      clipped.forEach((gradient, i) => {
        expectClose(gradient, fixture.clipped[i]!, fixture.tolerance);
      });
    },
  );

  test("the factor of a norm as small as the epsilon of PyTorch is a half", () => {
    const { gradients } = clipByGlobalNorm([tf.tensor([1e-6])], 1e-6);
    expect(gradients[0]!.dataSync()[0]! / 1e-6).toBeCloseTo(0.5, 4);
  });

  test("the norm of two million equal gradients is exact to four digits", () => {
    const { norm } = clipByGlobalNorm([tf.fill([2048, 1024], 0.01)], undefined);
    expect(norm.dataSync()[0]! / (0.01 * Math.sqrt(2048 * 1024))).toBeCloseTo(1, 4);
  });

  test("no gradients have norm 0", () => {
    expect(clipByGlobalNorm([], 1).norm.dataSync()[0]).toBe(0);
  });
});

describe("arguments that do not fit", () => {
  const parameters = [tf.variable(tf.zeros([2]))];
  const gradients = [tf.zeros([2])];

  test.each([
    [
      "a step of 0",
      () => sgd({ parameters, gradients, learningRate: 1, momentum: 0, weightDecay: [0], nesterov: false, step: 0 }),
      "sgd: expected a step counted from 1, got 0",
    ],
    [
      "momentum without buffers",
      () => sgd({ parameters, gradients, learningRate: 1, momentum: 0.9, weightDecay: [0], nesterov: false, step: 1 }),
      "sgd: expected momentumBuffers",
    ],
    [
      "nesterov without momentum",
      () => sgd({ parameters, gradients, learningRate: 1, momentum: 0, weightDecay: [0], nesterov: true, step: 1 }),
      "sgd: expected a momentum above 0",
    ],
    [
      "a missing decay",
      () => sgd({ parameters, gradients, learningRate: 1, momentum: 0, weightDecay: [], nesterov: false, step: 1 }),
      "sgd: expected one of weightDecay per parameter, 1, got 0",
    ],
    [
      "a gradient of another shape",
      () =>
        sgd({
          parameters,
          gradients: [tf.zeros([3])],
          learningRate: 1,
          momentum: 0,
          weightDecay: [0],
          nesterov: false,
          step: 1,
        }),
      "sgd: expected gradients[0] of its parameter's shape",
    ],
    ["a maxNorm of 0", () => clipByGlobalNorm(gradients, 0), "clipByGlobalNorm: expected a maxNorm above 0, got 0"],
  ])("%s", (_name, run, message) => {
    expect(run).toThrow(message);
  });
});
