/** The trackers that a configuration asks for, and the feed of a run that goes on. */
import {
  openTrackerFeed,
  type RunDirectory,
  readRunManifest,
  type TrackedParams,
  type Tracker,
  type TrackerFeed,
  type TrackerStatus,
  trackerStateDirectory,
  writeRunManifest,
} from "@codex/logging";
import type { TrackerContext } from "@codex/logging/registry";
import type { Registries } from "@codex/registry";
import { registeredOptions } from "./configuration/registered-options.ts";
import type { CodexConfig, NamedOptions } from "./configuration/schema.ts";
import type { PipelineObserver } from "./events.ts";
import { flatten } from "./flatten.ts";

export interface OpenedTrackers {
  /** Those that are on. The name of a second one of a kind ends with a number. */
  readonly trackers: ReadonlyMap<string, Tracker>;
  /** One of each that the configuration names, then one of each that it could have named. */
  readonly statuses: readonly TrackerStatus[];
}

/** Makes the trackers of a configuration; one that cannot be made is off, which costs nobody a run. */
export async function openTrackers(
  chosen: readonly NamedOptions[],
  registries: Registries,
  run: Omit<TrackerContext, "stateDirectory">,
): Promise<OpenedTrackers> {
  const trackers = new Map<string, Tracker>();
  const statuses: TrackerStatus[] = [];
  const taken = new Map<string, number>();
  for (const options of chosen) {
    const count = (taken.get(options.name) ?? 0) + 1;
    taken.set(options.name, count);
    const name = count === 1 ? options.name : `${options.name}-${count}`;
    try {
      const entry = await registries.of("trackers").resolve(options.name);
      const context: TrackerContext = { ...run, stateDirectory: trackerStateDirectory(run.runDirectory, name) };
      const tracker = await entry.create(registeredOptions(options, entry.configSchema) as never, context);
      trackers.set(name, tracker);
      statuses.push({ name, status: "on", destination: tracker.destination, reason: null });
    } catch (error) {
      statuses.push({ name, status: "off", destination: null, reason: reasonOf(error) });
    }
  }
  for (const name of registries.byName("trackers").names()) {
    if (!taken.has(name)) statuses.push({ name, status: "off", destination: null, reason: "not asked for" });
  }
  return { trackers, statuses };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "help" in error && typeof error.help === "string" ? `${error.message} ${error.help}` : error.message;
}

/** The configuration as trackers take it: dotted keys, and lists as JSON. */
export function trackedParams(config: unknown): TrackedParams {
  return Object.fromEntries(
    [...flatten(config)].map(([key, value]) => [
      key,
      typeof value === "number" || typeof value === "boolean" || typeof value === "string"
        ? value
        : (JSON.stringify(value) ?? ""),
    ]),
  );
}

/** Opens the trackers of a run that begins or goes on, says which there are, and starts to feed them. */
export async function feedTrackers(
  run: RunDirectory,
  config: CodexConfig,
  registries: Registries,
  onEvent: PipelineObserver,
): Promise<TrackerFeed> {
  const { trackers, statuses } = await openTrackers(config.tracking.trackers, registries, {
    runId: run.runId,
    runDirectory: run.directory,
    mode: "live",
    onNotice: (message) => onEvent({ type: "notice", code: "tracker.notice", message }),
  });
  const manifest = await readRunManifest(run.directory);
  await writeRunManifest(run.directory, { ...manifest, details: { ...manifest.details, trackers: statuses } });
  onEvent({ type: "trackers", trackers: statuses });
  return openTrackerFeed({
    runDirectory: run.directory,
    trackers,
    params: trackedParams(config),
    onNotice: ({ kind, message }) => onEvent({ type: "notice", code: `tracker.${kind}`, message }),
  });
}
