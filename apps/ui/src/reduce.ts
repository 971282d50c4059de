/**
 * Reduces a curve to what a screen can show. The axis is cut into cells of a power of two, at places that do not move when the run grows, so
 * that a live curve does not shimmer; a cell keeps the mean, the least and the greatest of its values, so that no spike is lost.
 */
import type { Axis } from "./protocol.ts";
import type { Series } from "./series.ts";

/** Bias-corrected exponential moving average, as TensorBoard has it. @param weight - of the past, from 0 to below 1 */
export function movingAverage(weight: number): (value: number) => number {
  let sum = 0;
  let scale = 1; // weight^n
  return (value) => {
    sum = sum * weight + (1 - weight) * value;
    scale *= weight;
    return sum / (1 - scale);
  };
}

export interface View {
  readonly axis: Axis;
  readonly logX: boolean;
  readonly from: number;
  readonly to: number;
  readonly smoothing: number;
}

/** A series with the start of its run: what `time` counts from. */
export interface Placed {
  readonly series: Series;
  readonly startMs: number;
}

/** The position of a point on the axis of a view, before the logarithm. */
function position({ series, startMs }: Placed, axis: Axis): (index: number) => number {
  const { step, time } = series;
  if (axis === "step") return (index) => step[index] as number;
  const origin = axis === "time" ? startMs : 0;
  return (index) => ((time[index] as number) - origin) / 1000;
}

/** First and last position of a series on an axis; undefined when none of its points lies there. */
export function extentOf(placed: Placed, axis: Axis, logX: boolean): readonly [number, number] | undefined {
  const { series } = placed;
  const order = series.order(axis === "step" ? "step" : "time");
  const count = order?.length ?? series.length;
  const at = position(placed, axis);
  const x = (rank: number): number => at(order === null ? rank : (order[rank] as number));
  let first = 0;
  if (logX) while (first < count && x(first) <= 0) first++;
  return first >= count ? undefined : [x(first), x(count - 1)];
}

export interface Grid {
  /** Middle of each cell, on the axis itself. */
  readonly middles: Float64Array;
  cellOf(x: number): number;
}

/** @param cells - at most; at least half as many */
export function gridOf({ from, to, logX }: Pick<View, "from" | "to" | "logX">, cells: number): Grid {
  const scale = logX ? Math.log2 : (x: number) => x;
  const [low, high] = [scale(from), scale(to)];
  const range = Math.max(high - low, Number.MIN_VALUE);
  const size = 2 ** Math.ceil(Math.log2(range / Math.max(1, cells - 1)));
  const first = Math.floor(low / size);
  const count = Math.floor(high / size) - first + 1;
  const middles = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const middle = (first + i + 0.5) * size;
    middles[i] = logX ? 2 ** middle : middle;
  }
  return { middles, cellOf: (x) => Math.floor(scale(x) / size) - first };
}

export interface ReducedCurve {
  readonly count: number;
  readonly x?: number[];
  readonly y: (number | null)[];
  readonly low?: (number | null)[];
  readonly high?: (number | null)[];
  readonly smooth?: (number | null)[];
}

/** How many points of a series lie in a view. */
export function countIn(placed: Placed, view: View): number {
  const [begin, end] = rangeOf(placed, view);
  return end - begin;
}

/** Ranks of the first point in the view, and of the first one behind it. */
function rangeOf(placed: Placed, { axis, from, to }: View): readonly [number, number] {
  const order = placed.series.order(axis === "step" ? "step" : "time");
  const count = order?.length ?? placed.series.length;
  const at = position(placed, axis);
  const x = (rank: number): number => at(order === null ? rank : (order[rank] as number));
  const firstWhere = (passes: (x: number) => boolean): number => {
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (passes(x(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return [firstWhere((value) => value >= from), firstWhere((value) => value > to)];
}

/** Every point as it is, and one more on either side, so that lines go on to the edges of the view. */
export function rawCurve(placed: Placed, view: View): ReducedCurve {
  const { series } = placed;
  const order = series.order(view.axis === "step" ? "step" : "time");
  const total = order?.length ?? series.length;
  const at = position(placed, view.axis);
  const [inside, behind] = rangeOf(placed, view);
  const [begin, end] = [Math.max(0, inside - 1), Math.min(total, behind + 1)];
  const average = view.smoothing > 0 ? movingAverage(view.smoothing) : undefined;
  const [x, y, smooth]: [number[], number[], number[]] = [[], [], []];
  for (let rank = average === undefined ? begin : 0; rank < end; rank++) {
    const index = order === null ? rank : (order[rank] as number);
    const value = series.value[index] as number;
    const averaged = average?.(value);
    const here = at(index);
    if (rank < begin || (view.logX && here <= 0)) continue;
    x.push(here);
    y.push(value);
    if (averaged !== undefined) smooth.push(averaged);
  }
  return { count: behind - inside, x, y, ...(average === undefined ? {} : { smooth }) };
}

/** The points of a view by cells of a grid; null where a cell has none. */
export function gridCurve(placed: Placed, view: View, grid: Grid): ReducedCurve {
  const { series } = placed;
  const order = series.order(view.axis === "step" ? "step" : "time");
  const at = position(placed, view.axis);
  const [begin, end] = rangeOf(placed, view);
  const cells = grid.middles.length;
  const sum = new Float64Array(cells);
  const counts = new Uint32Array(cells);
  const low = new Float64Array(cells).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(cells).fill(Number.NEGATIVE_INFINITY);
  const average = view.smoothing > 0 ? movingAverage(view.smoothing) : undefined;
  const smooth = average === undefined ? undefined : new Float64Array(cells);
  for (let rank = average === undefined ? begin : 0; rank < end; rank++) {
    const index = order === null ? rank : (order[rank] as number);
    const value = series.value[index] as number;
    const averaged = average?.(value);
    if (rank < begin) continue;
    const cell = grid.cellOf(at(index));
    if (!(cell >= 0 && cell < cells)) continue;
    sum[cell] = (sum[cell] as number) + value;
    counts[cell] = (counts[cell] as number) + 1;
    if (value < (low[cell] as number)) low[cell] = value;
    if (value > (high[cell] as number)) high[cell] = value;
    if (smooth !== undefined) smooth[cell] = averaged as number;
  }
  const filled = (of: (cell: number) => number): (number | null)[] =>
    Array.from({ length: cells }, (_, cell) => (counts[cell] === 0 ? null : shortened(of(cell))));
  return {
    count: end - begin,
    y: filled((cell) => (sum[cell] as number) / (counts[cell] as number)),
    low: filled((cell) => low[cell] as number),
    high: filled((cell) => high[cell] as number),
    ...(smooth === undefined ? {} : { smooth: filled((cell) => smooth[cell] as number) }),
  };
}

/** Seven digits: more than a pixel can tell, and half the text. */
function shortened(value: number): number {
  return Number(value.toPrecision(7));
}
