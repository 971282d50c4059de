/**
 * @module Contract tests for authors of trackers, for any test runner:
 *
 * ```ts
 * for (const { name, run } of trackerContract(myTracker, { options: {} })) test(name, run);
 * ```
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegistryEntry } from "@codex/registry";
import { makeDirectory, nodeFs, removeTree, writeFileDurably } from "@codex/storage";
import { type MetricRecord, openEventLog, openMetricLog, openTrackerFeed, writeRunManifest } from "./index.ts";
import type { CreateTracker, TrackerContext } from "./registry.ts";
import type { Tracker } from "./tracking/tracker.ts";

export interface TrackerCase {
  readonly name: string;
  run(): Promise<void>;
}

export interface TrackerSample {
  /** What the entry is created with. A server that it asks for has to be there. */
  readonly options: unknown;
  /** Called after each case with what was created and where; for looking at what arrived. */
  readonly inspect?: (tracker: Tracker, context: TrackerContext) => void | Promise<void>;
}

const RUN_ID = "contract-run";
const NOW = new Date("2026-11-20T23:15:03Z");

/** What a feed asks of a tracker. `registryEntryContract` of `@codex/registry/testing` has the tests of the entry itself. */
export function trackerContract(entry: RegistryEntry<CreateTracker>, sample: TrackerSample): TrackerCase[] {
  const withRun =
    (body: (context: TrackerContext, tracker: () => Promise<Tracker>) => Promise<Tracker>) => async () => {
      const runDirectory = join(tmpdir(), `codex-tracker-${randomUUID()}`);
      await makeDirectory(runDirectory);
      const context: TrackerContext = {
        runId: RUN_ID,
        runDirectory,
        stateDirectory: join(runDirectory, "trackers", "sample"),
        mode: "live",
        onNotice: () => {},
      };
      try {
        await writeSampleRun(runDirectory);
        const tracker = await body(context, async () => entry.create(sample.options as never, context));
        await sample.inspect?.(tracker, context);
      } finally {
        await removeTree(runDirectory, nodeFs);
      }
    };
  const feedOnce = async (context: TrackerContext, tracker: Tracker): Promise<void> => {
    ok(tracker.destination !== "", "destination: expected where the data goes, got an empty text");
    const feed = await openTrackerFeed({
      runDirectory: context.runDirectory,
      trackers: new Map([["sample", tracker]]),
      params: { "training.maxSteps": 2, "training.optimizer": "adamw", "data.shuffle": true },
      attempts: 1,
    });
    const [result] = await feed.finish();
    if (result?.error !== undefined) throw result.error;
    strictEqual(result?.complete, true, "finish: expected every record to be taken");
  };
  return [
    {
      name: "takes a whole run",
      run: withRun(async (context, create) => {
        const tracker = await create();
        await feedOnce(context, tracker);
        return tracker;
      }),
    },
    {
      name: "takes the rest of a run in another process, and the end again",
      run: withRun(async (context, create) => {
        await feedOnce(context, await create());
        await appendStep(context.runDirectory, 3);
        const tracker = await create();
        await feedOnce(context, tracker);
        return tracker;
      }),
    },
    {
      name: "changes nothing of what it is given, and bears a repeated call",
      run: withRun(async (context, create) => {
        const tracker = await create();
        const records = [record(1, 4), record(2, 3)];
        const copy = structuredClone(records);
        const run = {
          runId: RUN_ID,
          directory: context.runDirectory,
          createdAt: NOW.toISOString(),
          tags: {},
          resumed: false,
          restarted: false,
        };
        await tracker.start(Object.freeze(run));
        for (let call = 0; call < 2; call++) {
          await tracker.logParams(Object.freeze({ seed: 1 }));
          await tracker.logMetrics(records, "metrics");
        }
        await tracker.close?.();
        deepStrictEqual(JSON.stringify(records), JSON.stringify(copy));
        return tracker;
      }),
    },
  ];
}

function record(step: number, value: number): MetricRecord {
  return {
    schema_version: 1,
    run_id: RUN_ID,
    timestamp: new Date(NOW.getTime() + step).toISOString(),
    step,
    split: "train",
    metric: "loss",
    value,
    dataset: "text",
    tags: {},
  };
}

async function writeSampleRun(runDirectory: string): Promise<void> {
  await writeFileDurably(join(runDirectory, "config.yaml"), "seed: 1\n");
  await writeRunManifest(runDirectory, {
    schema_version: 1,
    run_id: RUN_ID,
    created_at: NOW.toISOString(),
    command: ["codex", "train"],
    seeds: { init: 1 },
    git: null,
    packages: {},
    lockfile: null,
    machine: {
      hostname: "host",
      platform: "linux",
      os_release: "6",
      architecture: "x64",
      cpu_model: "cpu",
      cpu_count: 2,
      available_parallelism: 2,
      memory_bytes: 1,
      node_version: "20.19.0",
    },
    environment: {},
    data: [],
    details: {},
  });
  for (const step of [1, 2]) await appendStep(runDirectory, step);
}

async function appendStep(runDirectory: string, step: number): Promise<void> {
  let time = NOW.getTime() + 1000 * step;
  const now = () => new Date(time++);
  const metrics = await openMetricLog(runDirectory, { runId: RUN_ID, csv: false, now });
  await metrics.metric({ step, split: "train", metric: "loss", value: 4 / step });
  await metrics.metric({ step, split: "validation", metric: "loss", value: 5 / step });
  await metrics.close();
  const events = await openEventLog(join(runDirectory, "events.ndjson"), { runId: RUN_ID, now });
  await events.log(step === 1 ? "run.started" : "run.resumed");
  await events.log("training.sample", { step, text: `a sample of step ${step}` });
  await events.log("run.finished", { status: "completed", step });
  await events.close();
}
