import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { nodeFs } from "@codex/storage";
import { readRunManifest } from "../run-manifest.ts";
import { openRecordSources, type RecordSources } from "../tracking/record-sources.ts";
import type { Family } from "./exposition.ts";
import { mergeFamilies, RunMetrics } from "./run-metrics.ts";

interface FollowedRun {
  readonly createdAt: string;
  readonly sources: RecordSources;
  readonly metrics: RunMetrics;
  readonly offsets: { metrics: number; system: number; events: number };
  startedAt: string | undefined;
}

/** Follows the newest runs of a folder: each look reads what has been written since the last one. The owner disposes it. */
export class RunsCollector implements AsyncDisposable {
  readonly #runsDirectory: string;
  readonly #limit: number;
  readonly #followed = new Map<string, FollowedRun>();
  #looking: Promise<readonly Family[]> | undefined;

  /** @param limit - number of runs */
  constructor(runsDirectory: string, limit: number) {
    this.#runsDirectory = runsDirectory;
    this.#limit = limit;
  }

  /** Everything that is known now. Looks that come while one is under way get its answer. */
  families(): Promise<readonly Family[]> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<readonly Family[]> {
    const runs = await this.#newest();
    for (const [directory, run] of this.#followed) {
      if (runs.some((newest) => newest.directory === directory)) continue;
      this.#followed.delete(directory);
      await run.sources[Symbol.asyncDispose]();
    }
    for (const { directory, runId, createdAt } of runs) {
      const known = this.#followed.get(directory);
      if (known?.createdAt === createdAt) continue;
      await known?.sources[Symbol.asyncDispose]();
      this.#followed.set(directory, {
        createdAt,
        sources: openRecordSources(directory, nodeFs),
        metrics: new RunMetrics(runId),
        offsets: { metrics: 0, system: 0, events: 0 },
        startedAt: undefined,
      });
    }
    for (const run of this.#followed.values()) await readOn(run);
    return mergeFamilies([...this.#followed.values()].map(({ metrics }) => metrics));
  }

  async #newest(): Promise<{ directory: string; runId: string; createdAt: string }[]> {
    const names = await readdir(this.#runsDirectory).catch(() => [] as string[]);
    const runs = [];
    for (const name of names) {
      const directory = join(this.#runsDirectory, name);
      const manifest = await readRunManifest(directory).catch(() => undefined); // no run
      if (manifest !== undefined) runs.push({ directory, runId: manifest.run_id, createdAt: manifest.created_at });
    }
    return runs.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)).slice(0, this.#limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking?.catch(() => {});
    for (const { sources } of this.#followed.values()) await sources[Symbol.asyncDispose]();
    this.#followed.clear();
  }
}

async function readOn(run: FollowedRun): Promise<void> {
  const { sources, metrics, offsets } = run;
  for (const source of ["metrics", "system"] as const) {
    for (let before = -1; before !== offsets[source]; ) {
      before = offsets[source];
      const { records, end } = await sources[source].read(before);
      offsets[source] = end;
      const read = records.map(({ record }) => record);
      metrics.add(read, source);
    }
  }
  for (let before = -1; before !== offsets.events; ) {
    before = offsets.events;
    const { records, end } = await sources.events.read(before);
    offsets.events = end;
    for (const { record } of records) {
      if (record.event === "run.started" || record.event === "run.resumed") run.startedAt = record.timestamp;
      if (record.event === "run.finished" && run.startedAt !== undefined)
        metrics.trained((Date.parse(record.timestamp) - Date.parse(run.startedAt)) / 1000);
    }
  }
}
