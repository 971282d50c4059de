/** Linear maps, norms, activations, embeddings, rotary positions and dropout. */
import { type FuzzTensor, type Random, sizeOf } from "./cases.ts";
import { extras, type FusedCase, type FusedGenerator, float32, plain, present, wanted, zeros } from "./fused-case.ts";

const SIZES = [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 64, 65, 96, 129];

export const LAYERS: Readonly<Record<string, FusedGenerator>> = {
  CodexLinear: linear,
  CodexLayerNorm: (random) => norm(random, true),
  CodexRmsNorm: (random) => norm(random, false),
  CodexGelu: gelu,
  CodexSwiglu: swiglu,
  CodexRotaryEmbedding: rotary,
  CodexEmbedding: embedding,
  CodexDropout: dropout,
};

interface Activation {
  value(x: number): number;
  slope(x: number): number;
}

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  none: { value: (x) => x, slope: () => 1 },
  relu: { value: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
  silu: { value: (x) => x * sigmoid(x), slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
  gelu: {
    value: (x) => x * normalCdf(x),
    slope: (x) => normalCdf(x) + (x * Math.exp(-x * x * 0.5)) / Math.sqrt(2 * Math.PI),
  },
  geluTanh: {
    value: (x) => x * sigmoid(2 * tanhArgument(x)),
    slope: (x) => {
      const s = sigmoid(2 * tanhArgument(x));
      return s + 2 * x * s * (1 - s) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
    },
  },
};

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function tanhArgument(x: number): number {
  return Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
}

/** By the series of the error function, which is fast enough for |x| < 6. */
function normalCdf(x: number): number {
  const z = x / Math.SQRT2;
  let [term, sum] = [z, z];
  for (let n = 1; n < 120; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return 0.5 + sum / Math.sqrt(Math.PI);
}

function linear(random: Random): FusedCase {
  const [rows, inSize, outSize] = [
    random.pick([0, ...SIZES]),
    random.pick([...SIZES, 383, 384, 385]),
    random.pick(SIZES),
  ];
  const weightLayout = random.pick(["outIn", "inOut"] as const);
  const inputActivation = random.pick(Object.keys(ACTIVATIONS));
  const x = plain(random, random.chance(0.5) ? [rows, inSize] : [rows, 1, inSize]);
  const weight = plain(random, weightLayout === "outIn" ? [outSize, inSize] : [inSize, outSize], 1 / Math.sqrt(inSize));
  const bias = random.chance(0.6) ? plain(random, [outSize]) : undefined;
  const outShape = [...x.shape.slice(0, -1), outSize];
  const residual = random.chance(0.4) ? plain(random, outShape) : undefined;
  const dy = plain(random, outShape);
  const gradientsOf = wanted(random, bias === undefined ? ["x", "weight"] : ["x", "weight", "bias"]);
  const { value, slope } = ACTIVATIONS[inputActivation]!;
  const at = (input: number, output: number): number =>
    weightLayout === "outIn" ? output * inSize + input : input * outSize + output;
  const y = zeros(outShape);
  const gradients = { x: zeros(x.shape), weight: zeros(weight.shape), bias: zeros([outSize]) };
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outSize; output++) {
      const place = row * outSize + output;
      const dz = dy.values[place]!;
      y[place] = (bias?.values[output] ?? 0) + (residual?.values[place] ?? 0);
      gradients.bias[output]! += dz;
      for (let i = 0; i < inSize; i++) {
        const from = x.values[row * inSize + i]!;
        y[place]! += value(from) * weight.values[at(i, output)]!;
        gradients.x[row * inSize + i]! += dz * weight.values[at(i, output)]! * slope(from);
        gradients.weight[at(i, output)]! += dz * value(from);
      }
    }
  }
  const shapes = { x: x.shape, weight: weight.shape, bias: [outSize] };
  const attributes = { weightLayout, inputActivation };
  return {
    run(call) {
      const outputs = call("CodexLinear", present({ x, weight, bias, residual }), attributes);
      const inputs = { dy, x, weight };
      return [outputs[0]!, ...call("CodexLinearGradient", inputs, { ...attributes, gradientsOf })];
    },
    expected: [
      { shape: outShape, values: y },
      ...(gradientsOf as ("x" | "weight" | "bias")[]).map((name) => ({ shape: shapes[name], values: gradients[name] })),
    ],
    tolerance: 5e-6,
    description: {
      rows,
      inSize,
      outSize,
      ...attributes,
      bias: bias !== undefined,
      residual: residual !== undefined,
      gradientsOf,
    },
  };
}

function norm(random: Random, centered: boolean): FusedCase {
  const [rows, size] = [random.pick([0, ...SIZES]), random.pick([...SIZES, 383, 768])];
  const x = plain(random, [rows, size], random.pick([0.01, 1, 30]));
  const weight = plain(random, [size]);
  const bias = centered && random.chance(0.7) ? plain(random, [size]) : undefined;
  const dy = plain(random, [rows, size]);
  const eps = random.pick([1e-5, 1e-6]);
  const gradientsOf = wanted(random, bias === undefined ? ["x", "weight"] : ["x", "weight", "bias"]);
  const y = zeros(x.shape);
  const gradients = { x: zeros(x.shape), weight: zeros([size]), bias: zeros([size]) };
  let magnitude = 0;
  for (let row = 0; row < rows; row++) {
    const values = Array.from(x.values.subarray(row * size, (row + 1) * size));
    const mean = centered ? average(values) : 0;
    const scale = 1 / Math.sqrt(average(values.map((value) => (value - mean) ** 2)) + eps);
    const normal = values.map((value) => (value - mean) * scale);
    const slopes = normal.map((_, i) => dy.values[row * size + i]! * weight.values[i]!);
    const [meanSlope, along] = [centered ? average(slopes) : 0, average(slopes.map((slope, i) => slope * normal[i]!))];
    // The gradient of x is a small difference of these, times what is lost where the mean is far from 0.
    const lost = scale * (1 + scale * Math.abs(mean));
    magnitude = slopes.reduce((most, slope) => Math.max(most, lost * Math.abs(slope)), magnitude);
    normal.forEach((value, i) => {
      const place = row * size + i;
      y[place] = value * weight.values[i]! + (bias?.values[i] ?? 0);
      gradients.x[place] = scale * (slopes[i]! - meanSlope - value * along);
      gradients.weight[i]! += dy.values[place]! * value;
      gradients.bias[i]! += dy.values[place]!;
    });
  }
  const name = centered ? "CodexLayerNorm" : "CodexRmsNorm";
  return {
    run(call) {
      const outputs = call(name, present({ x, weight, bias }), { eps });
      const inputs = { dy, x, weight, ...extras(outputs) };
      return [outputs[0]!, ...call(`${name}Gradient`, inputs, { eps, gradientsOf })];
    },
    expected: [
      { shape: x.shape, values: y },
      ...(gradientsOf as ("x" | "weight" | "bias")[]).map((each) => ({
        shape: each === "x" ? x.shape : [size],
        values: gradients[each],
        ...(each === "x" ? { magnitude } : {}),
      })),
    ],
    tolerance: 1e-5,
    description: { rows, size, eps, bias: bias !== undefined, gradientsOf },
  };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function gelu(random: Random): FusedCase {
  const approximate = random.pick(["none", "tanh"] as const);
  const { value, slope } = ACTIVATIONS[approximate === "tanh" ? "geluTanh" : "gelu"]!;
  const x = plain(random, random.shape(random.integer(0, 4)), 5);
  const dy = plain(random, x.shape);
  return {
    run: (call) => [
      ...call("CodexGelu", { x }, { approximate }),
      ...call("CodexGeluGradient", { dy, x }, { approximate, gradientsOf: ["x"] }),
    ],
    expected: [
      { shape: x.shape, values: Array.from(x.values, value) },
      // The slope passes through zero.
      { shape: x.shape, values: Array.from(x.values, (each, i) => dy.values[i]! * slope(each)), magnitude: 1 },
    ],
    tolerance: 2e-6,
    description: { shape: x.shape, approximate },
  };
}

function swiglu(random: Random): FusedCase {
  const gate = plain(random, random.shape(random.integer(0, 4)), 8);
  const [up, dy] = [plain(random, gate.shape), plain(random, gate.shape)];
  const { value, slope } = ACTIVATIONS["silu"]!;
  const gradientsOf = wanted(random, ["gate", "up"]);
  const gradients = {
    gate: Array.from(gate.values, (each, i) => dy.values[i]! * up.values[i]! * slope(each)),
    up: Array.from(gate.values, (each, i) => dy.values[i]! * value(each)),
  };
  return {
    run: (call) => [
      ...call("CodexSwiglu", { gate, up }, {}),
      ...call("CodexSwigluGradient", { dy, gate, up }, { gradientsOf }),
    ],
    expected: [
      { shape: gate.shape, values: Array.from(gate.values, (each, i) => value(each) * up.values[i]!) },
      ...(gradientsOf as ("gate" | "up")[]).map((name) => ({ shape: gate.shape, values: gradients[name] })),
    ],
    tolerance: 1e-6,
    description: { shape: gate.shape, gradientsOf },
  };
}

function rotary(random: Random): FusedCase {
  const layout = random.pick(["bhtd", "bthd"] as const);
  const [batch, heads, time] = [random.integer(1, 3), random.integer(1, 4), random.pick([1, 2, 7, 16])];
  const half = random.pick([1, 2, 3, 4, 8, 16, 17, 32]);
  const shape = layout === "bhtd" ? [batch, heads, time, 2 * half] : [batch, time, heads, 2 * half];
  const tableShape = [random.pick([1, batch]), time, 2 * half];
  const [x, dy] = [plain(random, shape), plain(random, shape)];
  const [cos, sin] = [plain(random, tableShape), plain(random, tableShape)];
  const [y, dx] = [zeros(shape), zeros(shape)];
  for (let row = 0; row < batch * heads * time; row++) {
    const b = Math.floor(row / (heads * time));
    const t = layout === "bhtd" ? row % time : Math.floor(row / heads) % time;
    const table = ((tableShape[0] === 1 ? 0 : b) * time + t) * 2 * half;
    for (let i = 0; i < 2 * half; i++) {
      const [place, other] = [row * 2 * half + i, row * 2 * half + ((i + half) % (2 * half))];
      const sign = i < half ? -1 : 1;
      y[place] = x.values[place]! * cos.values[table + i]! + sign * x.values[other]! * sin.values[table + i]!;
      dx[place]! += dy.values[place]! * cos.values[table + i]!;
      dx[other]! += sign * dy.values[place]! * sin.values[table + i]!;
    }
  }
  return {
    run: (call) => [
      ...call("CodexRotaryEmbedding", { x, cos, sin }, { layout }),
      ...call("CodexRotaryEmbeddingGradient", { dy, cos, sin }, { layout, gradientsOf: ["x"] }),
    ],
    expected: [
      { shape, values: y },
      { shape, values: dx },
    ],
    tolerance: 1e-6,
    description: { shape, tableShape, layout },
  };
}

function embedding(random: Random): FusedCase {
  const [vocabSize, size] = [random.integer(1, 40), random.pick(SIZES)];
  const weight = plain(random, [vocabSize, size]);
  const ids = random.int32(random.shape(random.integer(1, 2), 300), 0, vocabSize - 1);
  const shape = [...ids.shape, size];
  const dy = plain(random, shape);
  const gradient = zeros([vocabSize, size]);
  const rows = Array.from(ids.values, (id, position) =>
    Array.from({ length: size }, (_, i) => {
      gradient[id * size + i]! += dy.values[position * size + i]!;
      return weight.values[id * size + i]!;
    }),
  );
  return {
    run: (call) => [
      ...call("CodexEmbedding", { weight, ids }, { vocabSize }),
      ...call("CodexEmbeddingGradient", { dy, ids }, { vocabSize, gradientsOf: ["weight"] }),
    ],
    expected: [
      { shape, values: rows.flat() },
      { shape: [vocabSize, size], values: gradient },
    ],
    tolerance: 2e-6,
    description: { vocabSize, size, ids: ids.shape },
  };
}

/** What is dropped is known from a tensor of ones, which the stream of `@codex/random` is compared with in Rust. */
function dropout(random: Random): FusedCase {
  const x = plain(random, random.shape(random.integer(0, 3)));
  const dy = plain(random, x.shape);
  const attributes = {
    rate: random.pick([0, 0.1, 0.5, 0.9]),
    key: [random.integer(0, 2 ** 31), random.integer(0, 2 ** 31)],
    offset: random.pick([0, 1, 3, 4, 1000, 2 ** 33 + 5]),
  };
  const kept = 1 / (1 - attributes.rate);
  const by = (mask: FuzzTensor, values: FuzzTensor): FuzzTensor =>
    float32(
      x.shape,
      Array.from(mask.values, (factor, i) => factor * values.values[i]!),
    );
  return {
    run(call) {
      const ones = float32(x.shape, new Float32Array(sizeOf(x.shape)).fill(1));
      const mask = call("CodexDropout", { x: ones }, attributes)[0]!;
      const factors = mask.values.filter((factor) => factor !== 0 && Math.abs(factor - kept) > 1e-6 * kept);
      if (factors.length > 0) throw new Error(`a factor of ${factors[0]} for a rate of ${attributes.rate}`);
      const y = call("CodexDropout", { x }, attributes)[0]!;
      const dx = call("CodexDropoutGradient", { dy }, { ...attributes, gradientsOf: ["x"] })[0]!;
      const [wantedY, wantedDx] = [by(mask, x), by(mask, dy)];
      return [difference(y, wantedY), difference(dx, wantedDx)];
    },
    expected: [
      { shape: x.shape, values: zeros(x.shape) },
      { shape: x.shape, values: zeros(x.shape) },
    ],
    tolerance: 0,
    description: { shape: x.shape, ...attributes },
  };
}

/** Zero where two tensors are equal to the last digit but one. */
function difference(a: FuzzTensor, b: FuzzTensor): FuzzTensor {
  return float32(
    a.shape,
    Array.from(a.values, (value, i) =>
      Math.abs(value - b.values[i]!) <= 2e-7 * Math.abs(value) ? 0 : value - b.values[i]!,
    ),
  );
}
