import { realpath } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { type RunManifest, readRunManifest } from "@codex/logging";
import { lockHolder } from "@codex/storage";
import { EventLines, numberOf, textOf } from "./event-lines.ts";
import { LineFile } from "./line-file.ts";
import { MetricLines, parseMetricLine } from "./metric-lines.ts";
import type { EventPage, LatestValue, RunDetails, RunStatus, RunSummary, Sample } from "./protocol.ts";
import { listCheckpoints, type RunConfiguration, readCheckpoints, readConfiguration } from "./run-files.ts";
import { openInside, readSmallFile } from "./safe-file.ts";
import type { Series } from "./series.ts";

/** Enough of the end of a metric file for one record of each series that is written at every step. */
const TAIL_BYTES = 64 * 1024;
/** A run on another machine, whose process cannot be asked for, counts as running for so long after its last line. */
const FOREIGN_RUN_MS = 5 * 60_000;

type Source = "metrics" | "system";
type RunLineFiles = Readonly<Record<Source | "events", LineFile>>;

/** One run directory, read as far as somebody asked: the list needs ends and events, a curve all of the metric file. */
export class RunReader {
  readonly id: string;
  readonly directory: string;
  /** When a curve was last asked for; for letting go of those that nobody looks at. */
  usedAt = 0;

  #folder = "";
  #manifest: RunManifest | undefined;
  #problem: string | null = null;
  #config: RunConfiguration = { entries: [], problem: null };
  readonly #events = new EventLines();
  readonly #metrics: Readonly<Record<Source, MetricLines>> = { metrics: new MetricLines(), system: new MetricLines() };
  #files: RunLineFiles | undefined;
  #wanted = false;
  #isComplete = false;
  #tail: readonly LatestValue[] = [];
  #tailTime = Number.NaN;
  #checkpoints = 0;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.directory = directory;
    this.id = basename(directory);
  }

  /** Points in memory. */
  get points(): number {
    return this.#metrics.metrics.points + this.#metrics.system.points;
  }

  /** Whether every line that is there has been read, for the curves. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether somebody asked for its curves. */
  get isWanted(): boolean {
    return this.#wanted;
  }

  get startMs(): number {
    return Date.parse(this.#manifest?.created_at ?? "") || 0;
  }

  series(source: Source): Iterable<Series> {
    return this.#metrics[source].series.values();
  }

  /** Latest values, from all that was read or from the end of the file. */
  get latest(): readonly LatestValue[] {
    const { series } = this.#metrics.metrics;
    if (series.size === 0) return this.#tail;
    const read = [...series.values()].map(({ split, metric, dataset, last }) => ({ split, metric, dataset, ...last }));
    // While the file is being read, its end is still the better answer.
    const known = new Set(this.#isComplete ? [] : this.#tail.map(({ split, metric }) => `${split}\0${metric}`));
    const tail = this.#isComplete ? [] : this.#tail;
    return [...tail, ...read.filter(({ split, metric }) => !known.has(`${split}\0${metric}`))];
  }

  /** Brings everything but the curves up to date. @returns whether anything was new */
  refresh(): Promise<boolean> {
    return this.#inTurn(async () => {
      const files = await this.#open();
      const isFirst = this.#manifest === undefined;
      if (isFirst) {
        try {
          this.#manifest = await readRunManifest(this.#folder);
          this.#problem = null;
        } catch (error) {
          this.#problem = (error as Error).message;
          return false;
        }
        this.#config = await readConfiguration(this.#folder);
      }
      const before = this.#checkpoints;
      this.#checkpoints = (await listCheckpoints(this.#folder)).length;
      const [events, metrics, system] = await Promise.all([
        files.events.hasNews(),
        files.metrics.hasNews(),
        files.system.hasNews(),
      ]);
      if (events) await files.events.advance();
      if (metrics && !(await this.#readTail())) return isFirst || events;
      if (this.#wanted && (metrics || system)) this.#isComplete = false;
      return isFirst || events || metrics || (system && this.#wanted) || before !== this.#checkpoints;
    });
  }

  /** Says that somebody waits for its curves. */
  want(): void {
    this.#wanted = true;
  }

  /** Reads on for the curves, for about `budgetMs`. @returns whether all that is there has been read */
  load(budgetMs: number): Promise<boolean> {
    this.#wanted = true;
    return this.#inTurn(async () => {
      const files = await this.#open();
      this.#isComplete =
        (await files.metrics.advance(budgetMs)) && (await files.system.advance(Math.max(1, budgetMs / 4)));
      return this.#isComplete;
    });
  }

  /** Lets go of the curves; they are read again when somebody asks. */
  forgetCurves(): void {
    this.#wanted = false;
    this.#isComplete = false;
    this.#files?.metrics.forget();
    this.#files?.system.forget();
  }

  summary(): RunSummary {
    const { events } = this.#events;
    const manifest = this.#manifest;
    const config = new Map(this.#config.entries);
    const { latest } = this;
    const evaluations: [number, number][] = [];
    let [maxSteps, parameters, step] = [
      numberOf(Number(config.get("training.maxSteps"))),
      null as number | null,
      null as number | null,
    ];
    let samples = 0;
    for (const { event, data } of events) {
      if (event === "training.evaluation") {
        const [at, loss] = [numberOf(data["step"]), numberOf(data["lossNats"])];
        if (at !== null && loss !== null) evaluations.push([at, loss]);
      } else if (event === "training.sample") samples++;
      else if (event === "training.start") {
        maxSteps = numberOf(data["maxSteps"]) ?? maxSteps;
        parameters = numberOf(data["trainableParameters"]);
      } else if (event === "run.finished" && textOf(data["completion"]) !== null) samples++;
      step = numberOf(data["step"]) ?? step;
    }
    for (const value of latest) if (value.step !== null && value.step > (step ?? -1)) step = value.step;
    const device = manifest?.details?.["device"] as Record<string, unknown> | undefined;
    return {
      id: this.id,
      runId: manifest?.run_id ?? this.id,
      status: this.#status(),
      problem: this.#problem,
      createdAt: manifest?.created_at ?? null,
      updatedAt: this.#updatedAt(),
      step,
      maxSteps,
      gitCommit: manifest?.git?.commit ?? null,
      gitDirty: manifest?.git?.dirty === true,
      device: textOf(device?.["device"]),
      host: manifest?.machine?.hostname ?? null,
      model: config.get("model.name") ?? null,
      data: config.get("data.name") ?? null,
      parameters,
      latest,
      evaluations: thinned(evaluations),
      samples,
      checkpoints: this.#checkpoints,
    };
  }

  async details(): Promise<RunDetails> {
    await this.refresh();
    const { events } = this.#events;
    const samples = events.flatMap(({ event, data, timestamp }): Sample[] => {
      const kind = event === "training.sample" ? "sample" : event === "run.finished" ? "completion" : undefined;
      const text = textOf(data[kind === "completion" ? "completion" : "text"]);
      return kind === undefined || text === null ? [] : [{ step: numberOf(data["step"]), timestamp, text, kind }];
    });
    const sources = [
      ["events.ndjson", this.#events],
      ["metrics.ndjson", this.#metrics.metrics],
      ["system.ndjson", this.#metrics.system],
    ] as const;
    return {
      id: this.id,
      directory: this.directory,
      manifest: (this.#manifest as unknown as Record<string, unknown>) ?? null,
      config: this.#config.entries,
      configProblem: this.#config.problem,
      overrides: (await readSmallFile(this.#folder, join(this.#folder, "overrides.txt"))) ?? "",
      checkpoints: await readCheckpoints(this.#folder, events),
      samples,
      badLines: sources.flatMap(([file, { badLines, firstBadLine }]) =>
        badLines === 0 ? [] : [{ file, count: badLines, first: firstBadLine }],
      ),
    };
  }

  config(): RunConfiguration {
    return this.#config;
  }

  /** Events, newest first. @param filter.text - has to be in the name or in the data, whatever its case */
  events(filter: { text: string; level: string; offset: number; limit: number }): EventPage {
    const { events, dropped } = this.#events;
    const text = filter.text.toLowerCase();
    const matching = events.filter(
      ({ event, level, data }) =>
        (filter.level === "" || level === filter.level) &&
        (text === "" || event.toLowerCase().includes(text) || JSON.stringify(data).toLowerCase().includes(text)),
    );
    const newest = matching.toReversed().slice(filter.offset, filter.offset + filter.limit);
    return { total: events.length + dropped, matching: matching.length, events: newest };
  }

  #status(): RunStatus {
    if (this.#problem !== null) return "unreadable";
    let status: RunStatus = "unfinished";
    for (const { event, data } of this.#events.events) {
      if (event === "run.started" || event === "run.resumed") status = "unfinished";
      else if (event === "run.finished") {
        const said = data["status"];
        status = said === "completed" || said === "interrupted" || said === "failed" ? said : "unfinished";
      }
    }
    if (status !== "unfinished") return status;
    try {
      const holder = lockHolder(this.#folder);
      if (holder === undefined) return status;
      const isHere = holder.host === hostname();
      return isHere || Date.now() - this.#lastMs() < FOREIGN_RUN_MS ? "running" : status;
    } catch {
      return status;
    }
  }

  #lastMs(): number {
    const event = this.#events.events.at(-1);
    const times = [Date.parse(event?.timestamp ?? ""), this.#metrics.metrics.lastTime, this.#tailTime];
    return Math.max(...times.filter((time) => !Number.isNaN(time)), this.startMs);
  }

  #updatedAt(): string | null {
    const ms = this.#lastMs();
    return ms === 0 ? null : new Date(ms).toISOString();
  }

  /** @returns whether the file is there */
  async #readTail(): Promise<boolean> {
    const handle = await openInside(this.#folder, join(this.#folder, "metrics.ndjson"));
    if (handle === undefined) return false;
    try {
      const { size } = await handle.stat();
      const start = Math.max(0, size - TAIL_BYTES);
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(size, TAIL_BYTES)), 0, undefined, start);
      const lines = buffer.toString("utf8", 0, bytesRead).split("\n");
      lines.pop(); // what is behind the last line feed is not finished
      if (start > 0) lines.shift();
      const latest = new Map<string, LatestValue>();
      for (const line of lines) {
        const record = parseMetricLine(line);
        if (record === undefined) continue;
        const { split, metric, dataset, value } = record;
        const step = Number.isNaN(record.step) ? null : record.step;
        latest.set(JSON.stringify([split, metric, dataset]), { split, metric, dataset, step, value });
        this.#tailTime = record.time;
      }
      this.#tail = [...latest.values()];
      return true;
    } finally {
      await handle.close();
    }
  }

  async #open(): Promise<RunLineFiles> {
    if (this.#files === undefined) {
      this.#folder = await realpath(this.directory);
      const file = (name: string, sink: EventLines | MetricLines) =>
        new LineFile(this.#folder, join(this.#folder, name), sink);
      this.#files = {
        events: file("events.ndjson", this.#events),
        metrics: file("metrics.ndjson", this.#metrics.metrics),
        system: file("system.ndjson", this.#metrics.system),
      };
    }
    return this.#files;
  }

  /** One at a time: a follower has one place in its file. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#busy.then(work);
    this.#busy = result.catch(() => {});
    return result;
  }
}

/** At most a hundred points, first and last among them: a curve as small as a word. */
function thinned<T>(points: readonly T[], most = 100): readonly T[] {
  if (points.length <= most) return points;
  const stride = (points.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => points[Math.round(i * stride)] as T);
}
