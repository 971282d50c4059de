import { composeConfig } from "@codex/config";
import { type MetricRecord, readMetrics, readRunManifest, runPaths } from "@codex/logging";
import { flatten } from "../flatten.ts";
import { findRun } from "./find-run.ts";

/** The numbers of one curve in one run. */
export interface SeriesSummary {
  readonly lastStep: number | null;
  readonly last: number;
  readonly smallest: number;
  readonly smallestAtStep: number | null;
  readonly largest: number;
  readonly count: number;
}

export interface RunComparison {
  readonly runs: readonly { readonly runId: string; readonly directory: string }[];
  /** Dotted keys whose values are not the same in all runs, with the value in each (`undefined` where it has none). */
  readonly configuration: readonly { readonly key: string; readonly values: readonly unknown[] }[];
  /** The same for what the manifests say: code, packages, machine, data, seeds. */
  readonly circumstances: readonly { readonly key: string; readonly values: readonly unknown[] }[];
  /** Every curve that at least one run has. */
  readonly metrics: readonly {
    readonly split: MetricRecord["split"];
    readonly metric: string;
    readonly dataset: string | null;
    readonly runs: readonly (SeriesSummary | undefined)[];
  }[];
}

/**
 * What differs between runs, and how they did.
 * @param runs - run directories, or ids of runs in `options.runsDirectory`; two or more
 * @throws {PipelineError} `PIPELINE_RUN_NOT_FOUND`
 */
export async function compareRuns(
  runs: readonly string[],
  options: { readonly runsDirectory?: string } = {},
): Promise<RunComparison> {
  const found = await Promise.all(runs.map((run) => readRun(run, options.runsDirectory)));
  const series = new Map(
    found.flatMap(({ metrics }) =>
      [...metrics].map(([key, { split, metric, dataset }]) => [key, { split, metric, dataset }]),
    ),
  );
  return {
    runs: found.map(({ runId, directory }) => ({ runId, directory })),
    configuration: differences(found.map(({ configuration }) => configuration)),
    circumstances: differences(found.map(({ circumstances }) => circumstances)),
    metrics: [...series]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, name]) => ({ ...name, runs: found.map(({ metrics }) => metrics.get(key)?.summary) })),
  };
}

type NamedSeries = Pick<MetricRecord, "split" | "metric" | "dataset"> & { summary: SeriesSummary };

async function readRun(run: string, runsDirectory: string | undefined) {
  const directory = await findRun(run, runsDirectory);
  const paths = runPaths(directory);
  const {
    run_id: runId,
    created_at: _created,
    command: _command,
    details: _details,
    data,
    ...manifest
  } = await readRunManifest(directory);
  const { logging: _logging, ...configuration } = composeConfig({ config: paths.config, searchPath: [] })
    .value as Record<string, unknown>;
  const checksums = Object.fromEntries(data.map(({ path, sha256 }) => [path, sha256]));
  const metrics = new Map<string, NamedSeries>();
  for await (const record of readMetrics(paths.metricsNdjson)) {
    const { split, metric, dataset } = record;
    const key = JSON.stringify([split, metric, dataset]);
    metrics.set(key, { split, metric, dataset, summary: add(metrics.get(key)?.summary, record) });
  }
  return {
    runId,
    directory,
    configuration: flatten(configuration),
    circumstances: flatten({ ...manifest, data: checksums }),
    metrics,
  };
}

function add(summary: SeriesSummary | undefined, { step, value }: MetricRecord): SeriesSummary {
  if (summary === undefined) {
    return { lastStep: step, last: value, smallest: value, smallestAtStep: step, largest: value, count: 1 };
  }
  const smaller = value < summary.smallest;
  return {
    lastStep: step,
    last: value,
    smallest: smaller ? value : summary.smallest,
    smallestAtStep: smaller ? step : summary.smallestAtStep,
    largest: Math.max(value, summary.largest),
    count: summary.count + 1,
  };
}

function differences(flat: readonly ReadonlyMap<string, unknown>[]): { key: string; values: unknown[] }[] {
  return [...new Set(flat.flatMap((values) => [...values.keys()]))]
    .sort()
    .map((key) => ({ key, values: flat.map((values) => values.get(key)) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
}
