import { readFileSync } from "node:fs";
import { argMax, drawToken, filterLogits, ModelError, SamplingOptions, sampleToken } from "@codex/models";
import { createStream } from "@codex/random";
import fc from "fast-check";
import Value from "typebox/value";

const defaults = Value.Create(SamplingOptions);

interface SamplingCase {
  readonly options: Partial<SamplingOptions>;
  readonly logits: number[];
  readonly context: number[];
  readonly scores: (number | null)[];
}

const { cases } = JSON.parse(readFileSync(new URL("../golden/sampling.json", import.meta.url), "utf8")) as {
  cases: SamplingCase[];
};

test.each(cases)("filters as transformers' logits processors do: $options", ({ options, logits, context, scores }) => {
  const filtered = filterLogits(Float32Array.from(logits), context, { ...defaults, ...options });
  expect([...filtered].map(Number.isFinite)).toEqual(scores.map((score) => score !== null)); // the same tokens are left
  for (const [id, score] of scores.entries()) {
    if (score !== null) expect(filtered[id]).toBeCloseTo(score, 5); // float32, scores below 20
  }
});

test("the fixture has cases that filter and cases that keep", () => {
  expect(cases.map(({ scores }) => scores.filter((score) => score !== null).length)).toEqual(
    expect.arrayContaining([40, 5, 1]),
  );
});

test("leaves the logits of the caller alone", () => {
  const logits = Float32Array.of(1, 2, 3);
  filterLogits(logits, [2], { ...defaults, topK: 1, repetitionPenalty: 2, temperature: 0.5 });
  expect([...logits]).toEqual([1, 2, 3]);
});

test("temperature 0 takes the most likely token after the repetition penalty, the first of equals", () => {
  const greedy = { ...defaults, temperature: 0 };
  const stream = createStream(1, "sampling");
  expect(sampleToken(Float32Array.of(1, 5, 5, 4), [], greedy, stream, 0)).toBe(1);
  expect(sampleToken(Float32Array.of(1, 5, 3, 4), [1], { ...greedy, repetitionPenalty: 2 }, stream, 0)).toBe(3);
  expect(argMax(Float32Array.of(-3, -1, -2))).toBe(1);
});

test("draws have the frequencies of the softmax", () => {
  const scores = Float32Array.from([0.5, 0.3, 0.2], Math.log);
  const stream = createStream(42, "sampling");
  const counts = [0, 0, 0];
  const draws = 20_000;
  for (let position = 0; position < draws; position++) counts[drawToken(scores, stream, position)]!++;
  // Five standard deviations of a binomial share are at most 5 * 0.5 / sqrt(20000) = 0.018; the seed is fixed.
  for (const [id, share] of [0.5, 0.3, 0.2].entries())
    expect(Math.abs(counts[id]! / draws - share)).toBeLessThan(0.018);
});

test("a draw is a function of seed and position", () => {
  const scores = new Float32Array(50);
  const draw = (seed: number, position: number) => drawToken(scores, createStream(seed, "sampling"), position);
  expect(draw(3, 8)).toBe(draw(3, 8));
  expect(Array.from({ length: 20 }, (_, position) => draw(3, position))).not.toEqual(
    Array.from({ length: 20 }, (_, position) => draw(4, position)),
  );
});

test("never draws a token that was filtered out, and always finds one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 10 }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      fc.nat(1_000_000),
      (logits, topK, topP, position) => {
        const scores = filterLogits(Float32Array.from(logits), [], { ...defaults, topK, topP });
        expect(Number.isFinite(scores[drawToken(scores, createStream(1, "sampling"), position)])).toBe(true);
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses to sample from logits with %p", (bad) => {
  const act = () => filterLogits(Float32Array.of(0, bad), [], defaults);
  expect(act).toThrow(ModelError);
  expect(act).toThrow(/for token 1/);
});
