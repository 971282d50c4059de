/** Attention, on projections apart and packed. */
import { type FuzzTensor, type Random, sizeOf } from "./cases.ts";
import {
  type Call,
  extras,
  type FusedCase,
  type FusedGenerator,
  float32,
  plain,
  present,
  wanted,
  zeros,
} from "./fused-case.ts";

/** Around the edges of the tiles of queries and keys, and of vectors. */
const LENGTHS = [1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97];
const HEAD_SIZES = [1, 2, 4, 7, 8, 16, 17, 24, 32, 64];

export const ATTENTION: Readonly<Record<string, FusedGenerator>> = {
  CodexAttention: attention,
  CodexSelfAttention: selfAttention,
};

interface Problem {
  readonly batch: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly queries: number;
  /** Rows of k and v, and those that count. */
  readonly keys: number;
  readonly keyLength: number;
  readonly headDim: number;
  readonly causal: boolean;
  readonly scale: number;
  readonly documentIds: FuzzTensor | undefined;
  readonly dropout: { rate: number; key: number[]; offset: number } | undefined;
  /** Where row `t` (or `s`) of head `h` begins. */
  placeOf(of: "q" | "k" | "v", b: number, h: number, row: number): number;
  readonly q: FuzzTensor;
  readonly k: FuzzTensor;
  readonly v: FuzzTensor;
  readonly dy: FuzzTensor;
  /** Of y and dy. */
  yPlace(b: number, h: number, t: number): number;
}

/** y and the gradients by the textbook; `kept` has the factor of each probability. */
function solve(problem: Problem, kept: ArrayLike<number> | undefined) {
  const { batch, heads, keyHeads, queries, keys, keyLength, headDim, causal, scale, documentIds, q, k, v, dy } =
    problem;
  const [y, dq, dk, dv] = [zeros(dy.shape), zeros(q.shape), zeros(k.shape), zeros(v.shape)];
  const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number => {
    let sum = 0;
    for (let d = 0; d < headDim; d++) sum += a[i + d]! * b[j + d]!;
    return sum;
  };
  const add = (to: Float64Array, i: number, factor: number, from: ArrayLike<number>, j: number): void => {
    for (let d = 0; d < headDim; d++) to[i + d]! += factor * from[j + d]!;
  };
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const group = Math.floor(h / (heads / keyHeads));
      for (let t = 0; t < queries; t++) {
        const own = keyLength - queries + t;
        const document = documentIds?.values[b * keys + own];
        const seen: number[] = [];
        for (let s = 0; s < keyLength; s++) {
          if (causal && s > own) continue;
          if (documentIds === undefined || documentIds.values[b * keys + s] === document) seen.push(s);
        }
        const [row, out] = [problem.placeOf("q", b, h, t), problem.yPlace(b, h, t)];
        const scores = seen.map((s) => scale * dot(q.values, row, k.values, problem.placeOf("k", b, group, s)));
        const largest = Math.max(...scores);
        const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
        const probabilities = scores.map((score) => Math.exp(score - largest) / total);
        const factors = seen.map((s) => kept?.[((b * heads + h) * queries + t) * keys + s] ?? 1);
        const slopes = seen.map(
          (s, i) => factors[i]! * dot(dy.values, out, v.values, problem.placeOf("v", b, group, s)),
        );
        const meanSlope = slopes.reduce((sum, slope, i) => sum + slope * probabilities[i]!, 0);
        seen.forEach((s, i) => {
          const weight = probabilities[i]! * factors[i]!;
          add(y, out, weight, v.values, problem.placeOf("v", b, group, s));
          add(dv, problem.placeOf("v", b, group, s), weight, dy.values, out);
          const slope = scale * probabilities[i]! * (slopes[i]! - meanSlope);
          add(dq, row, slope, k.values, problem.placeOf("k", b, group, s));
          add(dk, problem.placeOf("k", b, group, s), slope, q.values, row);
        });
      }
    }
  }
  return { y, q: dq, k: dk, v: dv };
}

function common(random: Random) {
  const keyHeads = random.integer(1, 3);
  const heads = keyHeads * random.integer(1, 3);
  const [batch, headDim] = [random.integer(1, 2), random.pick(HEAD_SIZES)];
  const lengths = LENGTHS.filter((length) => length * length * headDim * heads * batch < 500_000);
  const dropout = random.chance(0.3)
    ? {
        rate: random.pick([0.1, 0.5]),
        key: [random.integer(0, 2 ** 31), random.integer(0, 2 ** 31)],
        offset: random.integer(0, 100),
      }
    : undefined;
  return {
    keyHeads,
    heads,
    batch,
    headDim,
    lengths,
    dropout,
    causal: random.chance(0.6),
    scale: random.pick([1, 1 / Math.sqrt(headDim)]),
  };
}

/** Ids that stay or grow by one from key to key. */
function documents(random: Random, batch: number, keys: number): FuzzTensor {
  const values = new Int32Array(batch * keys);
  for (let i = 0; i < values.length; i++)
    values[i] = i % keys === 0 ? 0 : values[i - 1]! + (random.chance(0.15) ? 1 : 0);
  return { dtype: "int32", shape: [batch, keys], values };
}

/** The factors of all probabilities, of which `CodexDropout` gives those of a tensor of ones. */
function keptOf({ batch, heads, queries, keys, dropout }: Problem, call: Call): ArrayLike<number> | undefined {
  if (dropout === undefined) return undefined;
  const shape = [batch * heads * queries * keys];
  return call("CodexDropout", { x: float32(shape, new Float32Array(sizeOf(shape)).fill(1)) }, dropout)[0]!.values;
}

function attention(random: Random): FusedCase {
  const { keyHeads, heads, batch, headDim, lengths, dropout, causal, scale } = common(random);
  const layout = random.pick(["bhtd", "bthd"] as const);
  const keyLength = random.pick(lengths);
  const queries = random.chance(0.6) ? keyLength : random.integer(1, keyLength);
  const keys = dropout === undefined && random.chance(0.2) ? keyLength + random.integer(1, 9) : keyLength;
  const shapeOf = (heads: number, rows: number): number[] =>
    layout === "bhtd" ? [batch, heads, rows, headDim] : [batch, rows, heads, headDim];
  const place = (heads: number, rows: number, b: number, h: number, row: number): number =>
    headDim * (layout === "bhtd" ? (b * heads + h) * rows + row : (b * rows + row) * heads + h);
  const problem: Problem = {
    batch,
    heads,
    keyHeads,
    queries,
    keys,
    keyLength,
    headDim,
    causal,
    scale,
    dropout,
    documentIds: random.chance(0.4) ? documents(random, batch, keys) : undefined,
    placeOf: (of, b, h, row) => (of === "q" ? place(heads, queries, b, h, row) : place(keyHeads, keys, b, h, row)),
    yPlace: (b, h, t) => place(heads, queries, b, h, t),
    q: plain(random, shapeOf(heads, queries), 2),
    k: plain(random, shapeOf(keyHeads, keys), 2),
    v: plain(random, shapeOf(keyHeads, keys)),
    dy: plain(random, shapeOf(heads, queries)),
  };
  const { q, k, v, dy, documentIds } = problem;
  const gradientsOf = wanted(random, ["q", "k", "v"]) as ("q" | "k" | "v")[];
  const attributes = { causal, scale, dropout, layout, ...(keys === keyLength ? {} : { keyLength }) };
  return {
    run(call) {
      const outputs = call("CodexAttention", present({ q, k, v, documentIds }), attributes);
      const inputs = present({ dy, q, k, v, documentIds, ...extras(outputs) });
      const gradients = call("CodexAttentionGradient", inputs, { ...attributes, gradientsOf });
      const right = solve(problem, keptOf(problem, call));
      return errors(problem, [outputs[0]!, ...gradients], [right.y, ...gradientsOf.map((name) => right[name])]);
    },
    ...noErrors([q.shape, ...gradientsOf.map((name) => problem[name].shape)]),
    description: {
      batch,
      heads,
      keyHeads,
      queries,
      keys,
      headDim,
      documents: documentIds !== undefined,
      gradientsOf,
      ...attributes,
    },
  };
}

function selfAttention(random: Random): FusedCase {
  const { keyHeads, heads, batch, headDim, lengths, dropout, causal, scale } = common(random);
  const time = random.pick(lengths);
  const width = (heads + 2 * keyHeads) * headDim;
  const qkv = plain(random, [batch, time, width], 2);
  const first = { q: 0, k: heads * headDim, v: (heads + keyHeads) * headDim };
  const problem: Problem = {
    batch,
    heads,
    keyHeads,
    queries: time,
    keys: time,
    keyLength: time,
    headDim,
    causal,
    scale,
    dropout,
    documentIds: random.chance(0.4) ? documents(random, batch, time) : undefined,
    placeOf: (of, b, h, row) => (b * time + row) * width + first[of] + h * headDim,
    yPlace: (b, h, t) => ((b * time + t) * heads + h) * headDim,
    q: qkv,
    k: qkv,
    v: qkv,
    dy: plain(random, [batch, time, heads * headDim]),
  };
  const { dy, documentIds } = problem;
  const attributes = { numAttentionHeads: heads, numKeyValueHeads: keyHeads, causal, scale, dropout };
  return {
    run(call) {
      const outputs = call("CodexSelfAttention", present({ qkv, documentIds }), attributes);
      const inputs = present({ dy, qkv, documentIds, ...extras(outputs) });
      const gradients = call("CodexSelfAttentionGradient", inputs, { ...attributes, gradientsOf: ["qkv"] });
      const right = solve(problem, keptOf(problem, call));
      const sum = right.q.map((value, i) => value + right.k[i]! + right.v[i]!);
      return errors(problem, [outputs[0]!, ...gradients], [right.y, sum]);
    },
    ...noErrors([dy.shape, qkv.shape]),
    description: { batch, time, headDim, documents: documentIds !== undefined, ...attributes },
  };
}

/** What is right depends on the mask, which the engine draws: so the case itself compares, and gives what is off by more than rounding. */
function errors(
  { scale, headDim }: Problem,
  results: readonly FuzzTensor[],
  right: readonly Float64Array[],
): FuzzTensor[] {
  // The gradient of a score is a difference of sums over headDim, and 0 where there is one key.
  const magnitude = 0.1 * scale * Math.sqrt(headDim);
  return results.map(({ shape, values }, i) => {
    const largest = right[i]!.reduce((most, value) => Math.max(most, Math.abs(value)), magnitude);
    const off = Array.from(values, (value, j) =>
      Math.abs(value - right[i]![j]!) <= 2e-5 * largest ? 0 : value - right[i]![j]!,
    );
    return float32(shape, off);
  });
}

function noErrors(shapes: readonly number[][]): Pick<FusedCase, "expected" | "tolerance"> {
  return { expected: shapes.map((shape) => ({ shape, values: zeros(shape) })), tolerance: 0 };
}
