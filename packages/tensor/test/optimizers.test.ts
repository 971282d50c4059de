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
    withoutKernel("CodexAdamW", () => followAdamW(optimizers.adamW[0]!));
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

  const withoutKernel = (kernelName: string, run: () => void): void => {
    const kernel = tf.getKernel(kernelName, tf.getBackend());
    if (kernel) tf.unregisterKernel(kernelName, kernel.backendName);
    try {
      run();
    } finally {
      if (kernel) tf.registerKernel(kernel);
    }
  };

  const OPTIMIZERS = {
    adamW: (lists: Lists, gradients: tf.Tensor[], gradientScale?: tf.Scalar) =>
      adamW({
        ...{ parameters: lists.parameters, firstMoments: lists.first, secondMoments: lists.second, gradients },
        ...{ learningRate: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: [0.1, 0], step: 3 },
        ...(gradientScale && { gradientScale }),
      }),
    sgd: (lists: Lists, gradients: tf.Tensor[], gradientScale?: tf.Scalar) =>
      sgd({
        ...{ parameters: lists.parameters, momentumBuffers: lists.first, gradients },
        ...{ learningRate: 0.1, momentum: 0.9, weightDecay: [0.1, 0], nesterov: true, step: 3 },
        ...(gradientScale && { gradientScale }),
      }),
  };
  type Lists = ReturnType<typeof lists>;
  const lists = () => {
    const filled = (shape: number[], value: number) => tf.tidy(() => tf.variable(tf.fill(shape, value)));
    const two = (value: number) => [filled([2, 3], value), filled([4], 2 * value)];
    return { parameters: two(1), first: two(0.1), second: two(0.01) };
  };
  const valuesOf = (all: Lists) => Object.values(all).flatMap((list) => list.map((one) => Array.from(one.dataSync())));
  const gradients = () => [tf.fill([2, 3], 0.5), tf.fill([4], -2)];

  describe.each(Object.entries(OPTIMIZERS))("the gradientScale of %s", (name, step) => {
    const kernelName = name === "adamW" ? "CodexAdamW" : "CodexSgd";

    test.each(["as the device has it", "composed"])("multiplies every gradient, %s", (how) => {
      const [scaled, expected] = [lists(), lists()];
      const run = () => {
        step(scaled, gradients(), tf.scalar(0.25));
        step(
          expected,
          gradients().map((gradient) => tf.mul(gradient, 0.25)),
        );
      };
      if (how === "composed") withoutKernel(kernelName, run);
      else run();
      expect(valuesOf(scaled)).toEqual(valuesOf(expected));
    });

    test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("of %d changes nothing", (factor) => {
      const all = lists();
      const before = valuesOf(all);
      step(all, gradients(), tf.scalar(factor));
      withoutKernel(kernelName, () => step(all, gradients(), tf.scalar(factor)));
      expect(valuesOf(all)).toEqual(before);
    });

    test("leaves no tensor behind", () => {
      const [all, given, scale, bad] = [lists(), gradients(), tf.scalar(2), tf.scalar(Number.NaN)];
      const { numTensors, numDataBuffers } = tf.memory();
      for (const factor of [scale, bad, scale]) {
        step(all, given, factor);
        withoutKernel(kernelName, () => step(all, given, factor));
      }
      expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    });
  });

  test("the eps of adamW is added after the correction of the second moment", () => {
    const [parameter, first, second] = [0, 0, 0].map((value) => tf.variable(tf.tensor([value])));
    const state = { parameters: [parameter!], firstMoments: [first!], secondMoments: [second!] };
    const settings = { learningRate: 1, beta1: 0.9, beta2: 0.999, eps: 0.25, weightDecay: [0], step: 1 };
    adamW({ ...state, gradients: [tf.tensor([2])], ...settings });
    // Both corrected moments are those of one gradient: 2 / (2 + 0.25).
    expectClose(parameter!, tf.tensor([-2 / 2.25]), 1e-6);
  });

  test("a product of few rows with a parameter sees the parameter's change", () => {
    const [parameter, first, second] = tf.tidy(() => [1, 0, 0].map((value) => tf.variable(tf.fill([2, 2], value)))) as [
      tf.Variable,
      tf.Variable,
      tf.Variable,
    ];
    const product = () => Array.from(tf.matMul(tf.ones([1, 2]), parameter as unknown as tf.Tensor2D).dataSync());
    expect(product()).toEqual([2, 2]);
    const settings = { learningRate: 0.5, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: [0], step: 1 };
    const state = { parameters: [parameter], firstMoments: [first], secondMoments: [second] };
    adamW({ ...state, gradients: [tf.ones([2, 2])], ...settings });
    expectClose(tf.tensor(product()), tf.tensor([1, 1]), 1e-6);
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
    [
      "a gradientScale of two elements",
      () =>
        sgd({
          ...{ parameters, gradients, learningRate: 1, momentum: 0, weightDecay: [0], nesterov: false, step: 1 },
          gradientScale: tf.ones([2]) as unknown as tf.Scalar,
        }),
      "sgd: expected a gradientScale of one element",
    ],
    ["a maxNorm of 0", () => clipByGlobalNorm(gradients, 0), "clipByGlobalNorm: expected a maxNorm above 0, got 0"],
  ])("%s", (_name, run, message) => {
    expect(run).toThrow(message);
  });
});
