import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import type { MetricName, SeriesAnswer } from "../src/protocol.ts";
import { type ChartData, toChartData } from "./chart-data.ts";
import { formatClock, formatDate, formatDuration, formatNumber, metricTitle } from "./format.ts";
import { createPlot, formatStep, type Hover } from "./plot.ts";
import { type CurveSettings, curveSettings, setParams } from "./route.ts";
import { post, runVersion } from "./server-data.ts";
import { isDark } from "./theme.ts";

export interface ShownRun {
  readonly id: string;
  readonly name: string;
  readonly colour: string;
}

const HEIGHT = 220;
const TALL = 420;
/** A live run changes every second; a curve is asked for again at most as often. */
const PAUSE_MS = 1000;
/** Names beside the pointer; of more runs the nearest ones. */
const MAX_NAMES = 12;

export interface ChartProps {
  readonly metric: MetricName;
  readonly runs: readonly ShownRun[];
  readonly isWide: boolean;
  readonly onWiden: () => void;
}

/** One metric of the shown runs. It asks the server when it comes into view, and again when a run changes. */
export function Chart({ metric, runs, isWide, onWiden }: ChartProps) {
  const settings = curveSettings.value;
  const dark = isDark.value;
  const card = useRef<HTMLElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [isSeen, setSeen] = useState(false);
  const [width, setWidth] = useState(0);
  const [answer, setAnswer] = useState<SeriesAnswer | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const [hover, setHover] = useState<Hover | undefined>();
  const ids = runs.map(({ id }) => id).join(",");
  const version = runs.reduce((sum, { id }) => sum + runVersion(id).value, 0);
  const height = isWide ? TALL : HEIGHT;

  useEffect(() => {
    const element = card.current as HTMLElement;
    const seeing = new IntersectionObserver(([entry]) => setSeen(entry?.isIntersecting === true), {
      rootMargin: "200px",
    });
    const sizing = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    seeing.observe(element);
    sizing.observe(frame.current as HTMLElement);
    return () => {
      seeing.disconnect();
      sizing.disconnect();
    };
  }, []);

  const asked = useRef({ what: "", version: -1, at: 0 });
  const asking = useRef<AbortController | undefined>(undefined);
  const { axis, logX, logY, smoothing, zoom } = settings;
  const what = JSON.stringify([ids, metric, axis, logX, smoothing, zoom, Math.round(width / 50)]);
  useEffect(() => {
    if (!isSeen || width === 0 || (asked.current.what === what && asked.current.version === version)) return;
    const isNewQuestion = asked.current.what !== what;
    const wait = isNewQuestion ? 40 : Math.max(0, asked.current.at + PAUSE_MS - performance.now());
    const timer = setTimeout(() => {
      asked.current = { what, version, at: performance.now() };
      asking.current?.abort();
      const abort = new AbortController();
      asking.current = abort;
      const request = {
        ...{ runs: ids.split(","), metric: metric.metric, source: metric.source, axis, logX, smoothing },
        ...{ from: zoom?.[0] ?? null, to: zoom?.[1] ?? null, width: width - 60 },
      };
      post<SeriesAnswer>("series", request, abort.signal).then(
        (value) => {
          setAnswer(value);
          setProblem(undefined);
        },
        (error: Error) => {
          if (abort.signal.aborted) return;
          asked.current.what = "";
          setProblem(error.message);
        },
      );
    }, wait);
    return () => clearTimeout(timer);
  }, [isSeen, what, version, width === 0]);

  const drawn = useRef("");
  const live = useRef<{ columns: ChartData["columns"]; drawn: ChartData["drawn"] }>({
    columns: [new Float64Array()],
    drawn: [],
  });
  useEffect(() => {
    if (answer === undefined || width === 0 || frame.current === null) return;
    const next = toChartData(answer, logY);
    const colours = new Map(runs.map(({ id, colour }) => [id, colour]));
    // uPlot keeps its instance while the same lines are drawn in the same way; only the numbers are exchanged then.
    const form = JSON.stringify([
      ...[dark, axis, logX, logY, zoom, height, width, [...colours]],
      next.drawn.map(({ curve, line, faint, low }) => [
        curve.run,
        curve.split,
        curve.dataset,
        line,
        faint,
        low,
        curve.count <= 60,
      ]),
    ]);
    if (plot.current !== undefined && drawn.current === form) {
      plot.current.setData(next.columns as unknown as uPlot.AlignedData);
      Object.assign(live.current, next);
      return;
    }
    plot.current?.destroy();
    drawn.current = form;
    live.current = { ...next };
    plot.current = createPlot(
      frame.current,
      { width, height },
      live.current,
      settings,
      { isDark: dark, colourOf: (run) => colours.get(run) ?? "#888888" },
      {
        // Another chart's pointer moves this one's line along, but says nothing here.
        onHover: (at) => setHover(frame.current?.matches(":hover, :focus") === true ? at : undefined),
        onZoom: (range) =>
          setParams(
            { zoom: range === null ? null : range.map((x) => Number(x.toPrecision(8))).join("..") },
            { replace: false },
          ),
      },
    );
  }, [answer, width, height, logY, dark, zoom, runs]);
  useEffect(
    () => () => {
      asking.current?.abort();
      plot.current?.destroy();
    },
    [],
  );

  const title = metricTitle(metric.metric);
  const isEmpty = answer !== undefined && answer.curves.length === 0 && answer.pending.length === 0;
  return (
    <section class={`chart ${isWide ? "wide" : ""}`} ref={card} aria-label={title}>
      <header>
        <h3 title={metric.metric}>{title}</h3>
        {answer !== undefined && answer.pending.length > 0 && (
          <span class="quiet" role="status">
            reading {answer.pending.length === 1 ? "1 run" : `${answer.pending.length} runs`}
          </span>
        )}
        <button
          type="button"
          class="icon"
          aria-pressed={isWide}
          aria-label={`${isWide ? "Make smaller" : "Make larger"}: ${title}`}
          title={isWide ? "Smaller" : "Larger"}
          onClick={onWiden}
        >
          {isWide ? "⤡" : "⤢"}
        </button>
      </header>
      <div
        class="plot"
        ref={frame}
        style={{ height: `${height}px` }}
        role="application"
        aria-roledescription="chart"
        aria-label={describe(title, answer, runs)}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it takes the arrow keys.
        tabIndex={0}
        onKeyDown={(event) => onKey(event, plot.current, live.current, settings)}
        onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
      >
        {answer === undefined && problem === undefined && <div class="skeleton" aria-hidden="true" />}
        {isEmpty && <p class="empty">No values on this axis.</p>}
        {problem !== undefined && <p class="empty problem">{problem}</p>}
        {hover !== undefined && (
          <Tooltip hover={hover} runs={runs} settings={settings} width={width} hasBands={answer?.grid.length !== 0} />
        )}
      </div>
      {answer !== undefined &&
        answer.curves.length > 0 &&
        answer.curves.some(({ split }) => split !== answer.curves[0]?.split) && (
          <p class="key" aria-hidden="true">
            {[...new Set(answer.curves.map(({ split }) => split))].map((split) => (
              <span key={split} class={`split ${split}`}>
                {split}
              </span>
            ))}
          </p>
        )}
    </section>
  );
}

function describe(title: string, answer: SeriesAnswer | undefined, runs: readonly ShownRun[]): string {
  const names = new Map(runs.map(({ id, name }) => [id, name]));
  const lasts = (answer?.curves ?? [])
    .slice(0, 5)
    .map(
      ({ run, split, last }) =>
        `${names.get(run) ?? run} ${split} ${formatNumber(last.value)} at step ${last.step ?? "none"}`,
    );
  return `${title}. ${lasts.join("; ")}. Left and right move the pointer, plus and minus zoom, zero shows all.`;
}

function onKey(event: KeyboardEvent, plot: uPlot | undefined, data: ChartData, { zoom }: CurveSettings): void {
  if (plot === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  const [positions] = data.columns;
  const { min, max } = plot.scales["x"] as { min?: number; max?: number };
  if (positions.length === 0 || min === undefined || max === undefined) return;
  const idx = plot.cursor.idx ?? -1;
  const go = (index: number): void => {
    const place = Math.min(positions.length - 1, Math.max(0, index));
    plot.setCursor({ left: plot.valToPos(positions[place] as number, "x"), top: plot.over.clientHeight / 2 });
  };
  const stride = event.shiftKey ? Math.max(1, Math.round(positions.length / 20)) : 1;
  const middle =
    idx >= 0 && plot.cursor.left !== undefined && plot.cursor.left >= 0 ? (positions[idx] as number) : (min + max) / 2;
  const zoomBy = (factor: number): void => {
    const range = [middle - (middle - min) * factor, middle + (max - middle) * factor];
    setParams({ zoom: range.map((x) => Number(x.toPrecision(8))).join("..") });
  };
  if (event.key === "ArrowRight") go(idx + stride);
  else if (event.key === "ArrowLeft") go((idx < 0 ? positions.length : idx) - stride);
  else if (event.key === "Home") go(0);
  else if (event.key === "End") go(positions.length - 1);
  else if (event.key === "+" || event.key === "=") zoomBy(0.5);
  else if (event.key === "-" && zoom !== null) zoomBy(2);
  else if (event.key === "0") setParams({ zoom: null });
  else if (event.key === "Escape") plot.setCursor({ left: -10, top: -10 });
  else return;
  event.preventDefault();
}

function formatX(x: number, { axis }: CurveSettings): string {
  if (axis === "step") return `step ${formatStep(Math.round(x))}`;
  if (axis === "time") return formatDuration(x);
  const timestamp = new Date(x * 1000).toISOString();
  return `${formatDate(timestamp).slice(0, 10)} ${formatClock(timestamp)}`;
}

function Tooltip(props: {
  hover: Hover;
  runs: readonly ShownRun[];
  settings: CurveSettings;
  width: number;
  hasBands: boolean;
}) {
  const { hover, runs, settings, width } = props;
  const shown = new Map(runs.map((run) => [run.id, run]));
  const nearest = hover.values.findIndex(({ isNearest }) => isNearest);
  const first = Math.max(0, Math.min(nearest - MAX_NAMES / 2, hover.values.length - MAX_NAMES));
  const values = hover.values.slice(first, first + MAX_NAMES);
  const hasSplits = new Set(hover.values.map(({ drawn }) => drawn.curve.split)).size > 1;
  const isRight = hover.left > (width - 60) / 2;
  const place = isRight ? { right: `${width - hover.left - 60 + 24}px` } : { left: `${hover.left + 60 + 24}px` };
  return (
    <div class="tooltip" style={place} role="status">
      <strong>{formatX(hover.x, settings)}</strong>
      <table>
        <tbody>
          {values.map(({ drawn: { curve }, value, low, high, isNearest }) => (
            <tr key={`${curve.run} ${curve.split} ${curve.dataset}`} class={isNearest ? "nearest" : ""}>
              <td>
                <i class="swatch" style={{ background: shown.get(curve.run)?.colour }} />
              </td>
              <td class="name">
                {shown.get(curve.run)?.name ?? curve.run}
                {hasSplits && <span class="quiet"> {curve.split}</span>}
              </td>
              <td class="number">{formatNumber(value, 5)}</td>
              {props.hasBands && (
                <td class="quiet number">
                  {low !== null && high !== null && low !== high ? `${formatNumber(low)} – ${formatNumber(high)}` : ""}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {hover.values.length > values.length && <span class="quiet">and {hover.values.length - values.length} more</span>}
    </div>
  );
}
