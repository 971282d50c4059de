import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type DurableFs, errnoOf, makeDirectory, nodeFs, toStorageError } from "@codex/storage";
import { LoggingError } from "./errors.ts";

/** Where things lie in a run directory: see "One run, one directory" in docs/architecture.md. */
export interface RunPaths {
  readonly directory: string;
  readonly config: string;
  readonly overrides: string;
  readonly manifest: string;
  readonly metricsNdjson: string;
  readonly metricsCsv: string;
  /** System metrics, in the record shape of `metrics.ndjson`. */
  readonly system: string;
  readonly events: string;
  readonly tokenizer: string;
  readonly checkpoints: string;
}

export interface RunDirectory extends RunPaths {
  readonly runId: string;
}

/** The paths of a run directory, whether they exist or not. */
export function runPaths(directory: string): RunPaths {
  return {
    directory,
    config: join(directory, "config.yaml"),
    overrides: join(directory, "overrides.txt"),
    manifest: join(directory, "manifest.json"),
    metricsNdjson: join(directory, "metrics.ndjson"),
    metricsCsv: join(directory, "metrics.csv"),
    system: join(directory, "system.ndjson"),
    events: join(directory, "events.ndjson"),
    tokenizer: join(directory, "tokenizer"),
    checkpoints: join(directory, "checkpoints"),
  };
}

/** Letters, digits, `.`, `_`, `-`, not starting with a dot or dash: a directory name everywhere, and one CSV field. */
const RUN_ID = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/**
 * Creates `<root>/<runId>`, durably, and the folders above it where they are missing. Of several callers with one id
 * exactly one succeeds.
 *
 * @param options.runId - default: UTC time and six random digits, `20261120-231503-a1b2c3`, so that names sort by time
 * @throws {LoggingError} `LOGGING_RUN_EXISTS`, `LOGGING_RUN_ID_INVALID`
 */
export async function createRunDirectory(
  root: string,
  options: { runId?: string; now?: Date; fs?: DurableFs } = {},
): Promise<RunDirectory> {
  const { fs = nodeFs, now = new Date() } = options;
  const runId = options.runId ?? newRunId(now);
  assertRunId(runId);
  const directory = join(root, runId);
  await makeDirectory(root, { fs });
  try {
    await fs.mkdir(directory);
    await fs.fsyncDir(root);
  } catch (cause) {
    if (errnoOf(cause) !== "EEXIST") throw toStorageError(cause, "create", directory);
    throw new LoggingError("LOGGING_RUN_EXISTS", `${directory}: expected a new run directory, there is one already`, {
      cause,
      help: `To go on with that run: codex resume ${directory}. To start another one, give it another name.`,
    });
  }
  return { runId, ...runPaths(directory) };
}

/** @throws {LoggingError} `LOGGING_RUN_ID_INVALID` */
export function assertRunId(runId: string): void {
  if (RUN_ID.test(runId)) return;
  throw new LoggingError(
    "LOGGING_RUN_ID_INVALID",
    `run id: expected up to 100 letters, digits, ".", "_" or "-", starting with a letter, digit or "_", got ${JSON.stringify(runId.slice(0, 120))}`,
  );
}

function newRunId(now: Date): string {
  const [day, time] = now.toISOString().replace(/[-:]/g, "").slice(0, 15).split("T");
  return `${day}-${time}-${randomBytes(3).toString("hex")}`;
}
