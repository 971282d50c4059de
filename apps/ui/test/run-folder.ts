/** Folders of runs and sessions for the tests, in the form that the packages write. */
import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "codex-ui-")));
  folders.push(folder);
  return folder;
}

export const START = Date.parse("2026-11-21T18:00:00.000Z");

/** A time of the run: ISO 8601, so many seconds after its start. */
export function at(seconds: number): string {
  return new Date(START + seconds * 1000).toISOString();
}

export interface MetricOptions {
  readonly split?: string;
  readonly metric?: string;
  readonly dataset?: string | null;
  readonly seconds?: number;
}

/** A line of `metrics.ndjson`, with its line feed. */
export function metricLine(run: string, step: number | null, value: number, options: MetricOptions = {}): string {
  const { split = "train", metric = "loss", dataset = "corpus", seconds = step ?? 0 } = options;
  const record = {
    schema_version: 1,
    run_id: run,
    timestamp: at(seconds),
    step,
    split,
    metric,
    value,
    dataset,
    tags: {},
  };
  return `${JSON.stringify(record)}\n`;
}

export function eventLine(run: string, event: string, data: object = {}, seconds = 0, level = "info"): string {
  return `${JSON.stringify({ schema_version: 1, run_id: run, timestamp: at(seconds), level, event, data })}\n`;
}

export interface RunOptions {
  readonly metrics?: string;
  readonly events?: string;
  readonly config?: string;
  readonly createdAt?: string;
}

/** @returns the run directory */
export function writeRun(root: string, id: string, options: RunOptions = {}): string {
  const directory = join(root, id);
  mkdirSync(directory, { recursive: true });
  const manifest = {
    schema_version: 1,
    run_id: id,
    created_at: options.createdAt ?? at(0),
    command: ["codex", "train"],
  };
  writeFileSync(join(directory, "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(directory, "metrics.ndjson"), options.metrics ?? "");
  writeFileSync(join(directory, "events.ndjson"), options.events ?? "");
  if (options.config !== undefined) writeFileSync(join(directory, "config.yaml"), options.config);
  return directory;
}

export function append(directory: string, file: string, text: string): void {
  appendFileSync(join(directory, file), text);
}

export interface SessionLine {
  readonly type?: string;
  readonly role?: string;
  readonly level?: string;
  readonly message: string;
  readonly metadata?: object;
}

export function writeSession(directory: string, id: string, lines: readonly SessionLine[]): void {
  mkdirSync(directory, { recursive: true });
  const text = lines.map(({ type = "event", role = "user", level = "info", message, metadata = {} }, index) =>
    JSON.stringify({
      ...{ schema_version: 1, id: `${id}-${index}`, session_id: id, timestamp: at(index) },
      ...{ type, role, level, message, metadata },
    }),
  );
  writeFileSync(join(directory, `${id}.ndjson`), `${text.join("\n")}\n`);
}
