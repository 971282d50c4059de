import { nearestValue, toChartData } from "../page/chart-data.ts";
import type { Curve, SeriesAnswer } from "../src/protocol.ts";

function curve(run: string, values: Partial<Curve>): Curve {
  return {
    run,
    split: "train",
    dataset: null,
    count: values.y?.length ?? 0,
    y: [],
    last: { step: 1, value: 1 },
    ...values,
  };
}

function answer(curves: readonly Curve[], grid: readonly number[] = []): SeriesAnswer {
  return { grid, curves, domain: [0, 10], pending: [] };
}

test("curves of different steps get one list of positions, with gaps", () => {
  const { columns, drawn } = toChartData(
    answer([curve("a", { x: [1, 3], y: [10, 30] }), curve("b", { x: [2, 3], y: [200, 300] })]),
    false,
  );
  expect(Array.from(columns[0])).toEqual([1, 2, 3]);
  expect(columns[drawn[0]?.line ?? 0]).toEqual([10, null, 30]);
  expect(columns[drawn[1]?.line ?? 0]).toEqual([null, 200, 300]);
});

test("a reduced curve has a band, an unreduced one its values behind the average", () => {
  const { columns, drawn } = toChartData(
    answer(
      [
        curve("a", { y: [2, 3], low: [1, 2], high: [3, 4], smooth: [2, 2.5] }),
        curve("b", { x: [0.5], y: [7], smooth: [6] }),
      ],
      [0.5, 1.5],
    ),
    false,
  );
  const [a, b] = drawn;
  expect([a?.low, a?.high, a?.line].map((index) => columns[index ?? 0])).toEqual([
    [1, 2],
    [3, 4],
    [2, 2.5],
  ]);
  expect(a?.faint).toBe(0);
  expect([b?.faint, b?.line].map((index) => columns[index ?? 0])).toEqual([
    [7, null],
    [6, null],
  ]);
});

test("of many runs only the lines are drawn", () => {
  const many = Array.from({ length: 20 }, (_, i) => curve(`r${i}`, { y: [1], low: [0], high: [2], smooth: [1] }));
  expect(toChartData(answer(many, [1]), false).columns).toHaveLength(21);
});

test("a logarithmic axis has no place for zero and below", () => {
  const { columns } = toChartData(answer([curve("a", { x: [1, 2, 3], y: [0, -1, 5] })]), true);
  expect(columns[1]).toEqual([null, null, 5]);
});

test("the nearest value is found on either side, within reach", () => {
  const column = [null, 5, null, null, null, 6];
  expect([0, 3, 4].map((place) => nearestValue(column, place, 2))).toEqual([1, 1, 5]);
  expect(nearestValue([null, null, null, 1], 0, 2)).toBe(-1);
});
