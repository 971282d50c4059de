/**
 * @module The contract of a metric as tests, for those who write one. Works with any test runner:
 *
 * ```ts
 * for (const { name, run } of metricContract({ create: () => myMetric() })) test(name, run);
 * ```
 */
import assert from "node:assert/strict";
import type { EvaluationRow, Metric, MetricResult, TokenBatch } from "./metric.ts";

export interface MetricContractOptions {
  /** A new metric; its name, kind and result may not depend on how often this was called. */
  create(): Metric;
  /** For a text metric: rows to score. Default: a few English answers. */
  readonly rows?: readonly EvaluationRow[];
}

export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}

const ROWS: readonly EvaluationRow[] = [
  { input: "capital of France?", target: "Paris", prediction: "paris." },
  { input: "2 + 2", target: "4", prediction: "the 4" },
  { input: "colours", target: "red green blue", prediction: "green blue yellow" },
  { input: "nothing", target: "", prediction: "" },
  { input: "wrong", target: "yes", prediction: "no" },
  { input: "again", target: "one two three", prediction: "one" },
  { input: "long", target: "a b c d e f g", prediction: "g f e d c b a h" },
];

interface Token {
  readonly target: number;
  readonly loss: number;
  readonly prediction: number;
  readonly bytes: number;
}

// Sums of these depend on their order in float64: a metric that adds up means of batches is found out.
const TOKENS: readonly Token[] = Array.from({ length: 61 }, (_, i) => ({
  target: i % 7 === 3 ? -100 : i % 11,
  loss: i % 7 === 3 ? Number.NaN : 1 / (i + 3) + (i % 5) * 1e-9,
  prediction: i % 4 === 0 ? 0 : i % 11,
  bytes: i % 7 === 3 ? 0 : (i % 4) + 1,
}));

export function metricContract({ create, rows = ROWS }: MetricContractOptions): ContractCase[] {
  const contract: [string, () => void][] = [
    [
      "has a name and a kind",
      () => {
        const { name, kind } = create();
        assert.match(name, /^\S+$/, "a name without white space");
        assert.ok(kind === "token" || kind === "text", `kind is "token" or "text", not ${JSON.stringify(kind)}`);
      },
    ],
    [
      "makes up no value where nothing was counted",
      () => {
        const isError = (error: unknown) =>
          error instanceof Error && typeof (error as { code?: unknown }).code === "string";
        assert.throws(() => create().result(), isError, "result() of nothing throws an error with a code");
      },
    ],
    [
      "gives a finite value and a count, as often as it is asked",
      () => {
        const metric = create();
        feed(metric, rows, rows.length, TOKENS.length);
        const result = metric.result();
        assert.ok(Number.isFinite(result.value), `value is finite, not ${result.value}`);
        assert.ok(Number.isSafeInteger(result.n) && result.n > 0, `n is a positive integer, not ${result.n}`);
        assertSame(metric.result(), result, "asked again");
      },
    ],
    [
      "gives the same bits for every batch size",
      () => {
        const whole = create();
        feed(whole, rows, rows.length, TOKENS.length);
        for (let size = 1; size < TOKENS.length; size++) {
          const metric = create();
          feed(metric, rows, size, size);
          assertSame(metric.result(), whole.result(), `batches of ${size}`);
        }
      },
    ],
    [
      "shares nothing with another one",
      () => {
        const [first, second] = [create(), create()];
        feed(first, rows, 1, 1);
        const alone = first.result();
        feed(second, rows, 2, 2);
        assertSame(first.result(), alone, "after another metric was updated");
      },
    ],
  ];
  return contract.map(([name, run]) => ({ name, run: async () => run() }));
}

function feed(metric: Metric, rows: readonly EvaluationRow[], rowsPerBatch: number, tokensPerBatch: number): void {
  if (metric.kind === "text") {
    for (let i = 0; i < rows.length; i += rowsPerBatch) metric.update(rows.slice(i, i + rowsPerBatch));
  } else {
    for (let i = 0; i < TOKENS.length; i += tokensPerBatch)
      metric.update(tokenBatch(TOKENS.slice(i, i + tokensPerBatch)));
  }
}

function tokenBatch(tokens: readonly Token[]): TokenBatch {
  return {
    targets: tokens.map((token) => token.target),
    losses: tokens.map((token) => token.loss),
    predictions: tokens.map((token) => token.prediction),
    byteCount: tokens.reduce((sum, token) => sum + token.bytes, 0),
  };
}

function assertSame(actual: MetricResult, expected: MetricResult, when: string): void {
  const same = Object.is(actual.value, expected.value) && actual.n === expected.n;
  assert.ok(same, `${when}: expected ${expected.value} over ${expected.n}, got ${actual.value} over ${actual.n}`);
}
