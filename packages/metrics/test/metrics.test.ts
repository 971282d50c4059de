import { readFileSync } from "node:fs";
import {
  createBitsPerByte,
  createExactMatch,
  createF1,
  createLoss,
  createPerplexity,
  createTokenAccuracy,
  evaluateRows,
  evaluateTokens,
} from "@codex/metrics";
import fc from "fast-check";

const golden = JSON.parse(readFileSync(new URL("./golden/squad.json", import.meta.url), "utf8")) as {
  target: string;
  prediction: string;
  exact: number;
  f1: number;
}[];

describe("token metrics, by hand", () => {
  // Two batches of different size: means of batches would give other values.
  const batches = [
    { targets: [5, -100, 6, 7], losses: [1, Number.NaN, 2, 3], predictions: [5, 5, 0, 7], byteCount: 7 },
    { targets: [8], losses: [6], predictions: [9], byteCount: 3 },
  ];

  test("loss is the mean over targets, in nats", async () => {
    expect(await evaluateTokens(batches, [createLoss()])).toEqual([{ metric: "loss", value: 3, n: 4 }]);
  });

  test("perplexity is exp of the mean over all targets, not a mean of perplexities", async () => {
    expect(await evaluateTokens(batches, [createPerplexity()])).toEqual([
      { metric: "perplexity", value: Math.exp(3), n: 4 },
    ]);
  });

  test("bits per byte is the total in bits over the bytes", async () => {
    const [result] = await evaluateTokens(batches, [createBitsPerByte()]);
    expect(result).toEqual({ metric: "bits_per_byte", value: 12 / Math.LN2 / 10, n: 10 });
  });

  test("token accuracy is the share of targets that were predicted", async () => {
    expect(await evaluateTokens(batches, [createTokenAccuracy()])).toEqual([
      { metric: "token_accuracy", value: 0.5, n: 4 },
    ]);
  });

  test("the sum keeps what float64 would lose", async () => {
    const losses = [1e16, ...Array.from({ length: 1000 }, () => 1)];
    const [result] = await evaluateTokens([{ targets: losses.map(() => 1), losses }], [createLoss()]);
    expect(result!.value * 1001).toBe(1e16 + 1000);
  });

  test("any split into batches gives the same bits", () => {
    const losses = fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(losses, fc.array(fc.nat(60), { maxLength: 6 }), (values, cuts) => {
        const whole = createPerplexity();
        whole.update({ targets: values.map(() => 1), losses: values });
        const cut = createPerplexity();
        const borders = [0, ...cuts.filter((one) => one <= values.length).sort((a, b) => a - b), values.length];
        borders.slice(1).forEach((end, i) => {
          const part = values.slice(borders[i], end);
          cut.update({ targets: part.map(() => 1), losses: Float64Array.from(part) });
        });
        expect(Object.is(cut.result().value, whole.result().value)).toBe(true);
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});

describe("no value is made up", () => {
  test.each([createLoss, createPerplexity, createBitsPerByte, createTokenAccuracy])("of nothing: %p", (create) => {
    expect(() => create().result()).toThrow(expect.objectContaining({ code: "METRICS_EMPTY" }));
    const ignored = create();
    ignored.update({ targets: [-100], losses: [1], predictions: [1], byteCount: 0 });
    expect(() => ignored.result()).toThrow(expect.objectContaining({ code: "METRICS_EMPTY" }));
  });

  test.each([createExactMatch, createF1])("of no rows: %p", async (create) => {
    await expect(evaluateRows([], [create()])).rejects.toMatchObject({ code: "METRICS_EMPTY" });
  });

  test("of targets without bytes", () => {
    const metric = createBitsPerByte();
    metric.update({ targets: [1], losses: [1], byteCount: 0 });
    expect(() => metric.result()).toThrow(
      expect.objectContaining({ code: "METRICS_EMPTY", message: expect.stringContaining("bytes") }),
    );
  });

  test.each([
    [createLoss, { targets: [1] }, "METRICS_INPUT_MISSING", "losses"],
    [createTokenAccuracy, { targets: [1] }, "METRICS_INPUT_MISSING", "predictions"],
    [createBitsPerByte, { targets: [1], losses: [1] }, "METRICS_INPUT_MISSING", "byteCount"],
    [createBitsPerByte, { targets: [1], losses: [1], byteCount: -1 }, "METRICS_VALUE_INVALID", "byteCount"],
    [createLoss, { targets: [1, 2], losses: [1] }, "METRICS_LENGTH_MISMATCH", "expected one per target, 2, got 1"],
    [createTokenAccuracy, { targets: [1], predictions: [1, 2] }, "METRICS_LENGTH_MISMATCH", "predictions"],
    [createLoss, { targets: [1, 2], losses: [1, Number.NaN] }, "METRICS_VALUE_INVALID", "losses[1]"],
    [createLoss, { targets: [1], losses: [Number.POSITIVE_INFINITY] }, "METRICS_VALUE_INVALID", "Infinity"],
  ])("out of bad input: %p %j", (create, batch, code, message) => {
    expect(() => create().update(batch)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test("beyond the range of numbers", () => {
    const metric = createPerplexity();
    metric.update({ targets: [1], losses: [1000] });
    expect(() => metric.result()).toThrow(expect.objectContaining({ code: "METRICS_NOT_FINITE" }));
  });

  test("of a row without a prediction", async () => {
    const rows = [{ target: "a", prediction: "a" }, { target: "b" } as { target: string; prediction: string }];
    await expect(evaluateRows(rows, [createF1()])).rejects.toMatchObject({
      code: "METRICS_ROW_INVALID",
      message: "rows[1].prediction: expected a string, got undefined",
    });
  });
});

describe("exact match and F1", () => {
  test.each(golden)("of $target and $prediction are those of SQuAD", async ({ target, prediction, exact, f1 }) => {
    const [em, f] = await evaluateRows([{ target, prediction }], [createExactMatch(), createF1()]);
    expect(em).toEqual({ metric: "exact_match", value: exact, n: 1 });
    expect(f!.value).toBeCloseTo(f1, 14);
  });

  test("are means over rows, from a stream too", async () => {
    async function* rows() {
      yield { input: "q", target: "one two", prediction: "two" };
      yield { input: "q", target: "three", prediction: "Three." };
    }
    const results = await evaluateRows(rows(), [createExactMatch(), createF1()]);
    expect(results).toEqual([
      { metric: "exact_match", value: 0.5, n: 2 },
      { metric: "f1", value: (2 / 3 + 1) / 2, n: 2 },
    ]);
  });

  test("without normalization compare texts as they are", async () => {
    const options = { normalization: "none" } as const;
    const row = { target: "The cat", prediction: "the cat" };
    const results = await evaluateRows([row], [createExactMatch(options), createF1(options)]);
    expect(results.map(({ value }) => value)).toEqual([0, 0.5]);
  });
});
