import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UiError } from "./errors.ts";
import type { MetricName, SeriesAnswer, SeriesRequest } from "./protocol.ts";
import { countIn, extentOf, gridCurve, gridOf, type Placed, rawCurve, type View } from "./reduce.ts";
import { RunReader } from "./run-reader.ts";

export interface RunStoreOptions {
  /** Points that may stay in memory, 24 bytes each; of runs that nobody looks at, the curves are let go. */
  readonly maxPoints?: number;
}

/** How long an answer waits for files to be read before it comes without them. */
const LOAD_BUDGET_MS = 120;
/** Curves with more points than pixels, by so much, are reduced. */
const POINTS_PER_PIXEL = 2;
/** What the browser is given in full at most, over all curves of a chart. */
const MAX_RAW_POINTS = 60_000;
const MAX_RAW_POINTS_OWN_AXIS = 6000;

/** The runs of a folder. Nothing is written, here or below. */
export class RunStore {
  readonly root: string;
  readonly #maxPoints: number;
  readonly #runs = new Map<string, RunReader>();
  #listing: Promise<boolean> | undefined;

  constructor(root: string, { maxPoints = 30_000_000 }: RunStoreOptions = {}) {
    this.root = resolve(root);
    this.#maxPoints = maxPoints;
  }

  /** @throws {UiError} `UI_FOLDER_NOT_FOUND` */
  async open(): Promise<void> {
    const status = await stat(this.root).catch(() => undefined);
    if (status?.isDirectory() !== true) {
      throw new UiError("UI_FOLDER_NOT_FOUND", `${this.root}: expected a folder of run directories, there is none`, {
        help: "Train something first, or say where the runs are with --root.",
      });
    }
    await this.list();
  }

  runs(): readonly RunReader[] {
    return [...this.#runs.values()];
  }

  run(id: string): RunReader | undefined {
    return this.#runs.get(id);
  }

  /** Looks for new and deleted runs. @returns whether there were any */
  list(): Promise<boolean> {
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #list(): Promise<boolean> {
    const found = new Set(await this.#directories());
    let changed = false;
    for (const [id, run] of this.#runs) {
      if (found.has(run.directory)) continue;
      this.#runs.delete(id);
      changed = true;
    }
    for (const directory of found) {
      const run = new RunReader(directory);
      if (this.#runs.has(run.id)) continue;
      this.#runs.set(run.id, run);
      changed = true;
      // A folder that goes away while it is read is no run any more.
      await run.refresh().catch(() => this.#runs.delete(run.id));
    }
    return changed;
  }

  /** The root may also be a run itself. */
  async #directories(): Promise<string[]> {
    const isRun = (directory: string) =>
      stat(join(directory, "manifest.json")).then(
        (status) => status.isFile(),
        () => false,
      );
    if (await isRun(this.root)) return [this.root];
    const entries = await readdir(this.root, { withFileTypes: true }).catch(() => []);
    const real = await realpath(this.root).catch(() => this.root);
    const folders = await Promise.all(
      entries
        .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith("."))
        .map(async ({ name }) => {
          const directory = join(this.root, name);
          // A link leads to a run beside it, or nowhere.
          const target = await realpath(directory).catch(() => "");
          return dirname(target) === real && (await isRun(directory)) ? directory : undefined;
        }),
    );
    return folders.filter((directory) => directory !== undefined);
  }

  /** The metrics of some runs, as far as they are known. */
  metricNames(ids: readonly string[]): MetricName[] {
    const names = new Map<
      string,
      { metric: string; source: "metrics" | "system"; splits: Set<string>; runs: Set<string> }
    >();
    const note = (id: string, source: "metrics" | "system", metric: string, split: string): void => {
      const key = `${source} ${metric}`;
      const name = names.get(key) ?? { metric, source, splits: new Set(), runs: new Set() };
      names.set(key, name);
      name.splits.add(split);
      name.runs.add(id);
    };
    for (const run of this.#known(ids)) {
      for (const { metric, split } of run.latest) note(run.id, "metrics", metric, split);
      for (const { metric, split } of run.series("system")) note(run.id, "system", metric, split);
    }
    return [...names.values()].map(({ metric, source, splits, runs }) => ({
      metric,
      source,
      splits: [...splits].sort(),
      runs: runs.size,
    }));
  }

  /** One metric of some runs, reduced to a width. Files that are not read yet are read for a moment; what is missing then is `pending`. */
  async series(request: SeriesRequest): Promise<SeriesAnswer> {
    const runs = this.#known(request.runs);
    await this.#load(runs);
    const { axis, logX, smoothing } = request;
    const placed = runs.flatMap((run) =>
      [...run.series(request.source)]
        .filter(({ metric }) => metric === request.metric)
        .map((series) => ({ run, series, startMs: run.startMs })),
    );
    const pending = runs.filter(({ isComplete }) => !isComplete).map(({ id }) => id);
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const one of placed) {
      const extent = extentOf(one, axis, logX);
      if (extent === undefined) continue;
      low = Math.min(low, extent[0]);
      high = Math.max(high, extent[1]);
    }
    if (low > high) return { grid: [], curves: [], domain: null, pending };
    const view: View = {
      axis,
      logX,
      smoothing,
      from: Math.max(request.from ?? low, logX ? low : -Infinity),
      to: request.to ?? high,
    };
    const counts = placed.map((one) => countIn(one, view));
    const total = counts.reduce((sum, count) => sum + count, 0);
    // Runs share their steps, and so one list of positions; times are each run's own.
    const fits = total <= (axis === "step" ? MAX_RAW_POINTS : MAX_RAW_POINTS_OWN_AXIS);
    const grid = gridOf(view, request.width);
    let isReduced = false;
    const curves = placed.map(({ run, series, startMs }, index) => {
      const one: Placed = { series, startMs };
      // Evaluations are few and far apart: an average over them would tell of steps long past.
      const seen = series.split === "validation" || series.split === "test" ? { ...view, smoothing: 0 } : view;
      const isRaw = fits && (counts[index] as number) <= POINTS_PER_PIXEL * request.width;
      isReduced ||= !isRaw;
      const { split, dataset, last } = series;
      return { run: run.id, split, dataset, last, ...(isRaw ? rawCurve(one, seen) : gridCurve(one, seen, grid)) };
    });
    return { grid: isReduced ? Array.from(grid.middles) : [], curves, domain: [low, high], pending };
  }

  #known(ids: readonly string[]): RunReader[] {
    return ids.flatMap((id) => this.#runs.get(id) ?? []);
  }

  async #load(runs: readonly RunReader[]): Promise<void> {
    const until = performance.now() + LOAD_BUDGET_MS;
    for (const run of runs) {
      run.usedAt = Date.now();
      const left = until - performance.now();
      if (run.isComplete) continue;
      if (left <= 0) run.want();
      else await run.load(left).catch(() => {});
    }
    this.#letGo();
  }

  /** Reads on for curves that somebody waits for. @returns the runs that were read on */
  async readOn(budgetMs: number): Promise<string[]> {
    const until = performance.now() + budgetMs;
    const progressed: string[] = [];
    for (const run of this.#runs.values()) {
      const left = until - performance.now();
      if (left <= 0) break;
      if (!run.isWanted || run.isComplete) continue;
      await run.load(left).catch(() => {});
      progressed.push(run.id);
    }
    return progressed;
  }

  #letGo(): void {
    const held = [...this.#runs.values()].filter(({ points }) => points > 0).sort((a, b) => a.usedAt - b.usedAt);
    let points = held.reduce((sum, run) => sum + run.points, 0);
    for (const run of held) {
      if (points <= this.#maxPoints || Date.now() - run.usedAt < 60_000) return;
      points -= run.points;
      run.forgetCurves();
    }
  }
}
