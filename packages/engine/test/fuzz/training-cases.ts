/** The loss, the optimizers, and what lies around them. */
import { type FuzzTensor, type Random, sizeOf } from "./cases.ts";
import {
  type Expected,
  extras,
  type FusedCase,
  type FusedGenerator,
  float32,
  plain,
  wanted,
  zeros,
} from "./fused-case.ts";

export const TRAINING: Readonly<Record<string, FusedGenerator>> = {
  CodexLinearCrossEntropy: linearCrossEntropy,
  CodexAdamW: adamW,
  CodexSgd: sgd,
  CodexGlobalNorm: globalNorm,
  CodexAccumulate: accumulate,
  CodexCacheAppend: cacheAppend,
};

function linearCrossEntropy(random: Random): FusedCase {
  const [rows, size] = [random.pick([1, 2, 7, 16, 17, 63, 64, 65, 130]), random.pick([1, 3, 8, 16, 17, 33, 64])];
  const vocabulary = random.pick([1, 2, 15, 16, 17, 100, 255, 256, 257, 511, 513]);
  const [hidden, weight] = [plain(random, [rows, size], 2), plain(random, [vocabulary, size])];
  const ignoreIndex = random.pick([-100, -1]);
  const labels = random.int32([rows], 0, vocabulary - 1);
  labels.values.forEach((_, row) => {
    if (random.chance(0.2)) labels.values[row] = ignoreIndex;
  });
  const dy = plain(random, [], 3);
  let loss = 0;
  const gradients = { hidden: zeros(hidden.shape), weight: zeros(weight.shape) };
  for (let row = 0; row < rows; row++) {
    const label = labels.values[row]!;
    if (label === ignoreIndex) continue;
    const logits = Array.from({ length: vocabulary }, (_, token) => {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += hidden.values[row * size + i]! * weight.values[token * size + i]!;
      return sum;
    });
    const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
    loss += largest + Math.log(total) - logits[label]!;
    logits.forEach((logit, token) => {
      const slope = (Math.exp(logit - largest) / total - Number(token === label)) * dy.values[0]!;
      for (let i = 0; i < size; i++) {
        gradients.hidden[row * size + i]! += slope * weight.values[token * size + i]!;
        gradients.weight[token * size + i]! += slope * hidden.values[row * size + i]!;
      }
    });
  }
  const gradientsOf = wanted(random, ["hidden", "weight"]) as ("hidden" | "weight")[];
  const inputs = { hidden, weight, labels };
  return {
    run(call) {
      const alone = call("CodexLinearCrossEntropy", inputs, { ignoreIndex, withGradients: false });
      const outputs = call("CodexLinearCrossEntropy", inputs, { ignoreIndex, withGradients: true });
      return [
        alone[0]!,
        outputs[0]!,
        ...call("CodexLinearCrossEntropyGradient", { dy, ...extras(outputs) }, { ignoreIndex, gradientsOf }),
      ];
    },
    expected: [
      { shape: [], values: [loss] },
      { shape: [], values: [loss] },
      ...gradientsOf.map((name) => ({ shape: inputs[name].shape, values: gradients[name] })),
    ],
    tolerance: 1e-5,
    description: { rows, size, vocabulary, ignoreIndex, gradientsOf },
  };
}

interface Parameters {
  readonly lists: Readonly<Record<string, FuzzTensor[]>>;
  readonly gradientScale: FuzzTensor | undefined;
  readonly weightDecay: number[];
  /** Of the gradients; 0 where it is not finite, and then nothing changes. */
  readonly scale: number;
  readonly changes: boolean;
  /** Names of the lists that are updated. */
  readonly updated: readonly string[];
  readonly shared: boolean;
}

/** Some parameters with their gradients and what else belongs to them. */
function parameters(random: Random, states: readonly string[]): Parameters {
  const shapes = Array.from({ length: random.integer(1, 5) }, () =>
    random.chance(0.02) ? [random.integer(33_000, 36_000)] : random.shape(random.integer(0, 3), 2000),
  );
  const draw = (): FuzzTensor[] => shapes.map((shape) => plain(random, shape));
  const lists: Record<string, FuzzTensor[]> = { parameters: draw(), gradients: draw() };
  for (const state of states) lists[state] = draw();
  for (const { values } of lists["secondMoments"] ?? []) values.set(values.map((value) => value * value));
  const scale = random.pick([undefined, undefined, 0.5, 2, Number.NaN, Number.POSITIVE_INFINITY]);
  return {
    lists,
    gradientScale: scale === undefined ? undefined : float32([], [scale]),
    weightDecay: shapes.map(() => random.pick([0, 0.01, 0.1])),
    scale: scale ?? 1,
    changes: Number.isFinite(scale ?? 1),
    updated: ["parameters", ...states],
    shared: random.chance(0.2),
  };
}

/** One list of parameters' tensors after the other. */
function byList<T>(perParameter: readonly (readonly T[])[]): T[] {
  return perParameter[0]!.flatMap((_, list) => perParameter.map((tensors) => tensors[list]!));
}

function withScale({ lists, gradientScale }: Parameters): Record<string, FuzzTensor | FuzzTensor[]> {
  return gradientScale === undefined ? lists : { ...lists, gradientScale };
}

function adamW(random: Random): FusedCase {
  const drawn = parameters(random, ["firstMoments", "secondMoments"]);
  const { lists, weightDecay, scale, changes, updated, shared } = drawn;
  const attributes = {
    learningRate: random.pick([1e-3, 0.1]),
    beta1: 0.9,
    beta2: random.pick([0.95, 0.999]),
    eps: 1e-8,
    weightDecay,
    step: random.pick([1, 2, 1000]),
  };
  const { learningRate, beta1, beta2, eps, step } = attributes;
  const perParameter = lists["parameters"]!.map((parameter, i) => {
    const [gradient, first, second] = ["gradients", "firstMoments", "secondMoments"].map(
      (name) => lists[name]![i]!,
    ) as [FuzzTensor, FuzzTensor, FuzzTensor];
    if (!changes) return [parameter, first, second];
    const next = [zeros(parameter.shape), zeros(parameter.shape), zeros(parameter.shape)] as const;
    gradient.values.forEach((value, j) => {
      const m = beta1 * first.values[j]! + (1 - beta1) * value * scale;
      const v = beta2 * second.values[j]! + (1 - beta2) * (value * scale) ** 2;
      const direction = m / (1 - beta1 ** step) / (Math.sqrt(v / (1 - beta2 ** step)) + eps);
      next[0][j] = parameter.values[j]! * (1 - learningRate * weightDecay[i]!) - learningRate * direction;
      [next[1][j], next[2][j]] = [m, v];
    });
    return next.map((values) => ({ shape: parameter.shape, values }));
  });
  const expected = byList<Expected>(perParameter);
  return {
    run: (call) => call("CodexAdamW", withScale(drawn), attributes, { updated, shared }),
    expected,
    tolerance: 2e-6,
    description: { ...attributes, scale, sizes: expected.map(({ shape }) => sizeOf(shape)) },
  };
}

function sgd(random: Random): FusedCase {
  const momentum = random.pick([0, 0.9]);
  const drawn = parameters(random, momentum === 0 ? [] : ["momentumBuffers"]);
  const { lists, weightDecay, scale, changes, updated, shared } = drawn;
  const attributes = {
    learningRate: 0.1,
    momentum,
    weightDecay,
    nesterov: momentum !== 0 && random.chance(0.5),
    step: 1,
  };
  const perParameter = lists["parameters"]!.map((parameter, i) => {
    const gradient = lists["gradients"]![i]!;
    const buffer = lists["momentumBuffers"]?.[i];
    if (!changes) return buffer === undefined ? [parameter] : [parameter, buffer];
    const next = [zeros(parameter.shape), zeros(parameter.shape)] as const;
    gradient.values.forEach((value, j) => {
      const slope = value * scale + weightDecay[i]! * parameter.values[j]!;
      const velocity = momentum * (buffer?.values[j] ?? 0) + slope;
      const direction = momentum === 0 ? slope : attributes.nesterov ? slope + momentum * velocity : velocity;
      [next[0][j], next[1][j]] = [parameter.values[j]! - 0.1 * direction, velocity];
    });
    return (buffer === undefined ? [next[0]] : next).map((values) => ({ shape: parameter.shape, values }));
  });
  const expected = byList<Expected>(perParameter);
  return {
    run: (call) => call("CodexSgd", withScale(drawn), attributes, { updated, shared }),
    expected,
    tolerance: 2e-6,
    description: { ...attributes, scale, sizes: expected.map(({ shape }) => sizeOf(shape)) },
  };
}

function globalNorm(random: Random): FusedCase {
  const count = random.integer(1, 6);
  const tensors = Array.from({ length: count }, () =>
    plain(
      random,
      random.chance(0.1) ? [random.integer(33_000, 70_000)] : random.shape(random.integer(0, 3)),
      10 ** random.integer(-3, 3),
    ),
  );
  const squares = tensors.flatMap(({ values }) => Array.from(values, (value) => value ** 2));
  return {
    run: (call) => call("CodexGlobalNorm", { tensors }, {}),
    expected: [{ shape: [], values: [Math.sqrt(squares.reduce((sum, square) => sum + square, 0))] }],
    tolerance: 2e-7,
    description: { sizes: tensors.map(({ shape }) => sizeOf(shape)) },
  };
}

function accumulate(random: Random): FusedCase {
  const sum = plain(random, random.chance(0.1) ? [random.integer(33_000, 70_000)] : random.shape(random.integer(0, 4)));
  const x = plain(random, sum.shape);
  return {
    run: (call) => call("CodexAccumulate", { sum, x }, {}),
    expected: [{ shape: sum.shape, values: Array.from(sum.values, (value, i) => Math.fround(value + x.values[i]!)) }],
    tolerance: 0,
    description: { shape: sum.shape },
  };
}

function cacheAppend(random: Random): FusedCase {
  const [batch, heads, keys, size] = [
    random.integer(1, 2),
    random.integer(1, 4),
    random.integer(1, 30),
    random.pick([1, 7, 16, 64]),
  ];
  const count = random.integer(1, keys);
  const position = random.integer(0, keys - count);
  const cache = plain(random, [batch, heads, keys, size]);
  const fresh = plain(random, [batch, heads, count, size]);
  const values = cache.values.slice();
  for (let head = 0; head < batch * heads; head++) {
    const rows = fresh.values.subarray(head * count * size, (head + 1) * count * size) as Float32Array;
    values.set(rows, (head * keys + position) * size);
  }
  return {
    run: (call) => call("CodexCacheAppend", { cache, fresh }, { position }),
    expected: [{ shape: cache.shape, values }],
    tolerance: 0,
    description: { shape: cache.shape, count, position },
  };
}
