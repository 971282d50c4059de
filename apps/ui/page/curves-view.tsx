import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { Axis, MetricName } from "../src/protocol.ts";
import { Chart, type ShownRun } from "./chart.tsx";
import { groupMetrics } from "./metric-groups.ts";
import { useResource } from "./resource.ts";
import { curveSettings, DEFAULT_SMOOTHING, route, setParams } from "./route.ts";
import { runVersion } from "./server-data.ts";

const AXES: readonly (readonly [Axis, string])[] = [
  ["step", "Step"],
  ["time", "Duration"],
  ["clock", "Clock"],
];

/** What is being typed comes before what the address says, which follows when the typing rests. */
const typedSmoothing = signal<number | undefined>(undefined);
let typing: ReturnType<typeof setTimeout> | undefined;

function smoothTo(value: number): void {
  typedSmoothing.value = value;
  clearTimeout(typing);
  typing = setTimeout(() => {
    setParams({ smooth: value === DEFAULT_SMOOTHING ? null : String(value) });
    typedSmoothing.value = undefined;
  }, 80);
}

function CurveControls() {
  const settings = curveSettings.value;
  const smoothing = typedSmoothing.value ?? settings.smoothing;
  const toggleLog = (axis: "x" | "y") => {
    const log = `${settings.logX !== (axis === "x") ? "x" : ""}${settings.logY !== (axis === "y") ? "y" : ""}`;
    setParams({ log });
  };
  return (
    <div class="controls" role="toolbar" aria-label="How curves are drawn">
      <label class="slider">
        <span>Smoothing</span>
        <input
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          value={smoothing}
          aria-valuetext={smoothing.toFixed(2)}
          onInput={({ currentTarget }) => smoothTo(Number(currentTarget.value))}
        />
        <output>{smoothing.toFixed(2)}</output>
      </label>
      <fieldset class="segments">
        <legend class="hidden">Horizontal axis</legend>
        {AXES.map(([axis, label]) => (
          <label key={axis}>
            <input
              type="radio"
              name="axis"
              checked={settings.axis === axis}
              onChange={() => setParams({ x: axis === "step" ? null : axis, zoom: null })}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      <label class="check">
        <input
          type="checkbox"
          checked={settings.logX}
          disabled={settings.axis === "clock"}
          onChange={() => toggleLog("x")}
        />
        <span>Log x</span>
      </label>
      <label class="check">
        <input type="checkbox" checked={settings.logY} onChange={() => toggleLog("y")} />
        <span>Log y</span>
      </label>
      <input
        type="search"
        class="narrow"
        placeholder="Filter charts"
        aria-label="Filter charts by name"
        value={route.value.params.get("charts") ?? ""}
        onInput={({ currentTarget }) => setParams({ charts: currentTarget.value })}
      />
      {settings.zoom !== null && (
        <button type="button" onClick={() => setParams({ zoom: null })}>
          Show all
        </button>
      )}
    </div>
  );
}

export function CurvesView({ runs, all }: { readonly runs: readonly ShownRun[]; readonly all: readonly string[] }) {
  const version = all.reduce((sum, id) => sum + runVersion(id).value, 0);
  const { value: metrics, problem } = useResource<MetricName[]>(
    `metrics?runs=${all.map(encodeURIComponent).join(",")}`,
    version,
  );
  const [wide, setWide] = useState<string | null>(null);
  const filter = (route.value.params.get("charts") ?? "").toLowerCase();
  const groups = groupMetrics(
    (metrics ?? []).filter(({ metric }) => metric.replaceAll("_", " ").includes(filter.replaceAll("_", " "))),
  );
  return (
    <>
      <CurveControls />
      {problem !== undefined && <p class="notice problem">{problem}</p>}
      {metrics !== undefined && groups.length === 0 && (
        <p class="empty">{filter === "" ? "No metrics were recorded yet." : "No chart has this name."}</p>
      )}
      {runs.length === 0 && <p class="empty">All runs are hidden. Show one in the list on the left.</p>}
      {runs.length > 0 &&
        groups.map(({ name, metrics: inGroup }) => (
          <details key={name} open class="group">
            <summary>
              <h2>{name}</h2>
              <span class="quiet">{inGroup.length}</span>
            </summary>
            <div class="charts">
              {inGroup.map((metric) => {
                const key = `${metric.source} ${metric.metric}`;
                return (
                  <Chart
                    key={key}
                    metric={metric}
                    runs={runs}
                    isWide={wide === key}
                    onWiden={() => setWide(wide === key ? null : key)}
                  />
                );
              })}
            </div>
          </details>
        ))}
    </>
  );
}
