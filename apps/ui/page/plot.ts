/** The uPlot side of a chart: options, colours, pointer and keys. It knows nothing of the server. */
import uPlot from "uplot";
import { type ChartData, type Drawn, nearestValue } from "./chart-data.ts";
import { formatDuration, formatNumber } from "./format.ts";
import type { CurveSettings } from "./route.ts";

export interface PlotStyle {
  readonly isDark: boolean;
  readonly colourOf: (run: string) => string;
}

export interface Hover {
  /** Position on the axis. */
  readonly x: number;
  readonly left: number;
  readonly top: number;
  /** From the highest to the lowest. */
  readonly values: readonly HoverValue[];
}

export interface HoverValue {
  readonly drawn: Drawn;
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
  /** The one that the pointer is next to. */
  readonly isNearest: boolean;
}

export interface PlotCallbacks {
  onHover(hover: Hover | undefined): void;
  onZoom(range: readonly [number, number] | null): void;
}

const FONT = '11px ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** Held-out curves are few points far apart, and dashed. */
const DASHES: Readonly<Record<string, number[]>> = { validation: [6, 4], test: [2, 3] };
/** With fewer points each is marked. */
const MAX_MARKED = 60;
const TIME_STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
  432_000, 864_000,
];

/** Colour with an opacity, for a colour written `#rrggbb`. */
function faded(colour: string, opacity: number): string {
  return `${colour}${Math.round(opacity * 255)
    .toString(16)
    .padStart(2, "0")}`;
}

export function createPlot(
  element: HTMLElement,
  size: { readonly width: number; readonly height: number },
  data: ChartData,
  settings: CurveSettings,
  style: PlotStyle,
  callbacks: PlotCallbacks,
): uPlot {
  const ink = style.isDark ? "#a3adba" : "#5b6572";
  const grid = style.isDark ? "#ffffff12" : "#0b16281a";
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  const isCrowded = data.drawn.length > 12;
  for (const { curve, low, high, faint, line } of data.drawn) {
    const colour = style.colourOf(curve.run);
    const hidden = { width: 0, points: { show: false }, spanGaps: true } as const;
    if (low > 0) {
      series[low] = { ...hidden };
      series[high] = { ...hidden };
      bands.push({ series: [high, low], fill: faded(colour, style.isDark ? 0.22 : 0.16) });
    }
    if (faint > 0) series[faint] = { stroke: faded(colour, 0.28), width: 1, spanGaps: true, points: { show: false } };
    const dash = DASHES[curve.split];
    series[line] = {
      stroke: isCrowded ? faded(colour, 0.75) : colour,
      width: isCrowded ? 1 : 1.75,
      spanGaps: true,
      ...(dash === undefined ? {} : { dash }),
      points: { show: curve.count <= MAX_MARKED && !isCrowded, size: 5, fill: colour, stroke: colour },
    };
  }
  const axisFont = { stroke: ink, font: FONT, ticks: { show: false }, grid: { stroke: grid, width: 1 } };
  const isClock = settings.axis === "clock";
  const options: uPlot.Options = {
    ...size,
    series,
    bands,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    scales: {
      x: {
        time: isClock,
        distr: settings.logX && !isClock ? 3 : 1,
        ...(settings.zoom === null
          ? {}
          : { range: () => [...(settings.zoom as [number, number])] as [number, number] }),
      },
      y: { distr: settings.logY ? 3 : 1, ...(settings.logY ? {} : { range: paddedRange }) },
    },
    axes: [
      {
        ...axisFont,
        size: 26,
        gap: 4,
        space: isClock ? 70 : 60,
        ...(isClock
          ? {}
          : settings.axis === "time"
            ? {
                values: (_: uPlot, ticks: number[]) => ticks.map(formatDuration),
                ...(settings.logX ? {} : { incrs: TIME_STEPS }),
              }
            : {
                values: (_: uPlot, ticks: (number | null)[]) =>
                  ticks.map((tick) => (tick === null ? "" : formatStep(tick))),
                ...(settings.logX ? {} : { incrs: STEPS }),
              }),
      },
      {
        ...axisFont,
        size: (_plot: uPlot, values: string[] | null) =>
          14 + 6.2 * Math.max(3, ...(values ?? []).map((value) => value?.length ?? 0)),
        gap: 6,
        space: 32,
        values: (_: uPlot, ticks: (number | null)[]) => formatTicks(ticks),
      },
    ],
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false, dist: 4 },
      sync: { key: "x", setSeries: false, scales: ["x", null] },
      bind: {
        dblclick: () => () => {
          callbacks.onZoom(null);
          return null;
        },
      },
    },
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          const range = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")] as const;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          callbacks.onZoom(range);
        },
      ],
      setCursor: [(plot) => callbacks.onHover(hoverAt(plot, data))],
    },
  };
  return new uPlot(options, data.columns as unknown as uPlot.AlignedData, element);
}

const STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

export function formatStep(step: number): string {
  if (step >= 1e6) return `${Number((step / 1e6).toPrecision(4))}M`;
  return step >= 10_000
    ? `${Number((step / 1000).toPrecision(4))}k`
    : Number(step.toPrecision(6)).toLocaleString("en-US");
}

/** As many digits as tell neighbouring ticks apart. */
function formatTicks(ticks: readonly (number | null)[]): string[] {
  for (let digits = 3; digits <= 8; digits++) {
    const texts = ticks.map((tick) => (tick === null ? "" : formatNumber(tick, digits)));
    if (new Set(texts.filter(Boolean)).size === ticks.filter((tick) => tick !== null).length) return texts;
  }
  return ticks.map((tick) => (tick === null ? "" : String(tick)));
}

/** The values with a little room; a constant lies in the middle. */
function paddedRange(_plot: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  if (low === high) {
    const room = low === 0 ? 1 : Math.abs(low) * 0.1;
    return [low - room, high + room];
  }
  const room = (high - low) * 0.05;
  return [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
}

/** What the curves say at the pointer. */
export function hoverAt(plot: uPlot, data: ChartData): Hover | undefined {
  const { left, top, idx } = plot.cursor;
  if (left === undefined || left === null || left < 0 || idx === undefined || idx === null) return undefined;
  const [positions] = data.columns;
  const values: { drawn: Drawn; value: number; low: number | null; high: number | null; distance: number }[] = [];
  for (const drawn of data.drawn) {
    const column = data.columns[drawn.line];
    if (column === undefined) continue;
    // A curve of few points answers for its surroundings, but not beyond its ends.
    const place = nearestValue(column, idx, Math.max(2, Math.ceil(positions.length / 4)));
    if (place < 0) continue;
    const value = column[place] as number;
    const at = (index: number): number | null =>
      index === 0 ? null : ((data.columns[index]?.[place] as number | null) ?? null);
    const pixel = plot.valToPos(value, "y");
    values.push({ drawn, value, low: at(drawn.low), high: at(drawn.high), distance: Math.abs(pixel - (top ?? 0)) });
  }
  if (values.length === 0) return undefined;
  const nearest = values.reduce((best, one) => (one.distance < best.distance ? one : best));
  values.sort((a, b) => b.value - a.value);
  return {
    x: positions[idx] as number,
    left,
    top: top ?? 0,
    values: values.map((one) => ({ ...one, isNearest: one === nearest })),
  };
}
