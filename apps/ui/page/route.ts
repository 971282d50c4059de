/** What is shown stands in the address behind the `#`, so that a link shows somebody else the same. */
import { computed, signal } from "@preact/signals";
import type { Axis } from "../src/protocol.ts";

export interface Route {
  readonly path: readonly string[];
  readonly params: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return {
    path: path.split("/").filter(Boolean).map(decode),
    params: new URLSearchParams(query),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = signal(parse(location.hash));
addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

export type Params = Readonly<Record<string, string | null | undefined>>;

/** The address of a view. Commas stay readable. */
export function link(path: readonly string[], params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value) query.set(name, value);
  const text = query.toString().replaceAll("%2C", ",");
  return `#/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

/** Changes some of what the address says; null takes it out. A slider does not fill the history: `replace`. */
export function setParams(changes: Params, { replace = true } = {}): void {
  const params = Object.fromEntries(route.value.params);
  const hash = link(route.value.path, { ...params, ...changes });
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  route.value = parse(hash);
}

/** The address of another view of the same runs, with the settings of the curves kept. */
export function sameRuns(view: string, changes: Params = {}): string {
  return link([view], { ...Object.fromEntries(route.value.params), ...changes });
}

export const selectedRuns = computed(() => (route.value.params.get("runs") ?? "").split(",").filter(Boolean));
export const hiddenRuns = computed(() => new Set((route.value.params.get("hide") ?? "").split(",").filter(Boolean)));

/** How curves are drawn. */
export interface CurveSettings {
  readonly axis: Axis;
  readonly logX: boolean;
  readonly logY: boolean;
  readonly smoothing: number;
  readonly zoom: readonly [number, number] | null;
}

export const DEFAULT_SMOOTHING = 0.6;

export const curveSettings = computed((): CurveSettings => {
  const { params } = route.value;
  const axis = params.get("x");
  const smoothing = Number(params.get("smooth") ?? DEFAULT_SMOOTHING);
  const [from, to] = (params.get("zoom") ?? "").split("..").map(Number);
  const isZoomed = from !== undefined && to !== undefined && Number.isFinite(from) && Number.isFinite(to) && from < to;
  return {
    axis: axis === "time" || axis === "clock" ? axis : "step",
    logX: (params.get("log") ?? "").includes("x"),
    logY: (params.get("log") ?? "").includes("y"),
    smoothing: smoothing >= 0 && smoothing < 1 ? smoothing : DEFAULT_SMOOTHING,
    zoom: isZoomed ? [from, to] : null,
  };
});
