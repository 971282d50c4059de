import fc from "fast-check";
import {
  countIn,
  extentOf,
  gridCurve,
  gridOf,
  movingAverage,
  type Placed,
  rawCurve,
  type View,
} from "../src/reduce.ts";
import { Series } from "../src/series.ts";

function placed(points: readonly (readonly [step: number, value: number])[], msPerStep = 1000): Placed {
  const series = new Series("train", "loss", null);
  for (const [step, value] of points) series.push(step, 5000 + step * msPerStep, value);
  return { series, startMs: 5000 };
}

const view = (from: number, to: number, more: Partial<View> = {}): View => ({
  ...{ axis: "step", logX: false, from, to, smoothing: 0 },
  ...more,
});

test("the moving average is that of TensorBoard", () => {
  // Worked out by hand: sum_n = 0.5 sum_(n-1) + 0.5 v, divided by 1 - 0.5^n.
  const average = movingAverage(0.5);
  expect([4, 2, 1].map(average)).toEqual([4, (0.5 * 2 + 0.5 * 2) / 0.75, (0.5 * 2 + 0.5) / 0.875]);
  const constant = movingAverage(0.99);
  for (let i = 0; i < 1000; i++) expect(constant(3)).toBeCloseTo(3, 10);
});

test("a cell keeps the mean, the least and the greatest of its points, and none is lost", () => {
  const point = fc.tuple(fc.nat(100_000), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 300 }), fc.integer({ min: 4, max: 50 }), (points, cells) => {
      points.sort((a, b) => a[0] - b[0]);
      const one = placed(points);
      const [low, high] = extentOf(one, "step", false) ?? [0, 0];
      const all = view(low, high);
      const grid = gridOf(all, cells);
      expect(grid.middles.length).toBeLessThanOrEqual(cells + 1);
      const curve = gridCurve(one, all, grid);
      expect(curve.count).toBe(points.length);
      for (let cell = 0; cell < grid.middles.length; cell++) {
        const inside = points.filter(([step]) => grid.cellOf(step) === cell).map(([, value]) => value);
        if (inside.length === 0) {
          expect(curve.y[cell]).toBeNull();
          continue;
        }
        const digits = (value: number) => Number(value.toPrecision(7));
        expect(curve.low?.[cell]).toBe(digits(Math.min(...inside)));
        expect(curve.high?.[cell]).toBe(digits(Math.max(...inside)));
        const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
        expect(curve.y[cell]).toBeCloseTo(mean, 0);
      }
    }),
  );
});

test("cells stay where they are when the run grows by a little", () => {
  const [before, after] = [gridOf(view(1, 10_000), 400), gridOf(view(1, 10_040), 400)];
  expect(Array.from(after.middles.slice(0, before.middles.length))).toEqual(Array.from(before.middles));
});

test("one spike of one step in a hundred thousand is seen", () => {
  const points = Array.from({ length: 100_000 }, (_, step): [number, number] => [step, step === 61_234 ? 50 : 1]);
  const all = view(0, 99_999);
  const curve = gridCurve(placed(points), all, gridOf(all, 500));
  expect(Math.max(...(curve.high ?? []).map((value) => value ?? 0))).toBe(50);
});

test("smoothing runs over all points, also over those before the view", () => {
  const points = Array.from({ length: 1000 }, (_, step): [number, number] => [step, Math.sin(step / 40) * 3]);
  const average = movingAverage(0.9);
  const expected = points.map(([, value]) => average(value));
  const part = view(500, 600, { smoothing: 0.9 });
  const raw = rawCurve(placed(points), part);
  expect(raw.x).toEqual(Array.from({ length: 103 }, (_, i) => 499 + i)); // one more on either side
  expect(raw.smooth).toEqual(expected.slice(499, 602));
  const grid = gridOf(part, 20);
  const reduced = gridCurve(placed(points), part, grid);
  const last = grid.cellOf(600);
  expect(reduced.smooth?.[last]).toBeCloseTo(expected[600] as number, 5);
});

test("times count from the start of the run, or are those of the clock", () => {
  const one = placed(
    [
      [0, 1],
      [10, 2],
    ],
    500,
  );
  expect(extentOf(one, "time", false)).toEqual([0, 5]);
  expect(extentOf(one, "clock", false)).toEqual([5, 10]);
  expect(rawCurve(one, view(0, 5, { axis: "time" })).x).toEqual([0, 5]);
});

test("a logarithmic axis leaves out what it cannot show, and its cells widen by powers", () => {
  const one = placed([
    [0, 1],
    [1, 2],
    [10, 3],
    [1000, 4],
  ]);
  expect(extentOf(one, "step", true)).toEqual([1, 1000]);
  const log = view(1, 1000, { logX: true });
  expect(rawCurve(one, log).x).toEqual([1, 10, 1000]);
  const grid = gridOf(log, 40);
  const ratios = Array.from(grid.middles.slice(1), (middle, i) => middle / (grid.middles[i] as number));
  for (const ratio of ratios) expect(ratio).toBeCloseTo(ratios[0] as number, 10);
  expect(gridCurve(one, log, grid).y.filter((value) => value !== null)).toEqual([2, 3, 4]);
});

test("steps out of order are put in order, and records of no step only have a time", () => {
  const series = new Series("train", "loss", null);
  for (const [step, ms, value] of [
    [3, 1, 30],
    [Number.NaN, 2, 99],
    [1, 3, 10],
    [2, 4, 20],
  ] as const)
    series.push(step, ms, value);
  const one: Placed = { series, startMs: 0 };
  expect(rawCurve(one, view(1, 3))).toMatchObject({ count: 3, x: [1, 2, 3], y: [10, 20, 30] });
  expect(rawCurve(one, view(0, 1, { axis: "time" })).y).toEqual([30, 99, 10, 20]);
});

test("the points of a part are counted", () => {
  const one = placed(Array.from({ length: 100 }, (_, step) => [step, step]));
  expect(countIn(one, view(10, 19))).toBe(10);
  expect(countIn(one, view(200, 300))).toBe(0);
});
