/** From the server's answer to the columns that uPlot draws: one list of positions for all curves, with gaps where a curve has none. */
import type { Curve, SeriesAnswer } from "../src/protocol.ts";

export type Column = (number | null)[] | Float64Array;

/** Which columns belong to a curve; 0 stands for none. */
export interface Drawn {
  readonly curve: Curve;
  /** The line that counts: the average where there is one, otherwise the values. */
  readonly line: number;
  /** The values themselves, drawn faintly behind their average. */
  readonly faint: number;
  readonly low: number;
  readonly high: number;
}

export interface ChartData {
  /** The positions, then a column for each line. */
  readonly columns: readonly [Float64Array, ...Column[]];
  readonly drawn: readonly Drawn[];
}

/** With more curves than these, bands of least and greatest value would only cover each other. */
const MAX_BANDS = 12;

export function toChartData(answer: SeriesAnswer, logY: boolean): ChartData {
  const positions = mergePositions([
    ...answer.curves.flatMap(({ x }) => (x === undefined ? [] : [x])),
    ...(answer.curves.some(({ x }) => x === undefined) ? [answer.grid] : []),
  ]);
  const columns: [Float64Array, ...Column[]] = [positions];
  const hasBands = answer.curves.length <= MAX_BANDS;
  const drawn = answer.curves.map((curve): Drawn => {
    const at = placesOf(curve.x ?? answer.grid, positions);
    const add = (values: readonly (number | null)[] | undefined): number => {
      if (values === undefined) return 0;
      const column: (number | null)[] = new Array(positions.length).fill(null);
      for (let i = 0; i < values.length; i++) {
        const value = values[i] ?? null;
        if (value !== null && (!logY || value > 0)) column[at[i] as number] = value;
      }
      return columns.push(column) - 1;
    };
    // A band first, then the faint line: what is drawn later lies above.
    const isBand = hasBands && curve.low !== undefined;
    const low = isBand ? add(curve.low) : 0;
    const high = isBand ? add(curve.high) : 0;
    const faint = curve.smooth !== undefined && curve.low === undefined && hasBands ? add(curve.y) : 0;
    return { curve, low, high, faint, line: add(curve.smooth ?? curve.y) };
  });
  return { columns, drawn };
}

/** All positions, ascending, each once. */
function mergePositions(lists: readonly (readonly number[])[]): Float64Array {
  const [first] = lists;
  // Runs that were logged alike have the same steps: nothing to sort then.
  if (first !== undefined && lists.every((list) => list === first || isEqual(list, first)))
    return Float64Array.from(first);
  const all = new Float64Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  all.sort();
  let count = 0;
  for (let i = 0; i < all.length; i++) if (i === 0 || all[i] !== all[i - 1]) all[count++] = all[i] as number;
  return all.slice(0, count);
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** Where each of some ascending positions stands in the list of all. */
function placesOf(own: readonly number[], all: Float64Array): Uint32Array {
  const places = new Uint32Array(own.length);
  let place = 0;
  for (let i = 0; i < own.length; i++) {
    while (place < all.length && (all[place] as number) < (own[i] as number)) place++;
    places[i] = place;
  }
  return places;
}

/** The nearest place with a value, not farther than `reach` places; -1 for none. */
export function nearestValue(column: Column, place: number, reach: number): number {
  for (let distance = 0; distance <= reach; distance++) {
    if (isValue(column[place - distance])) return place - distance;
    if (isValue(column[place + distance])) return place + distance;
  }
  return -1;
}

function isValue(value: number | null | undefined): boolean {
  return value !== null && value !== undefined;
}
