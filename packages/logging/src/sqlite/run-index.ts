import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { errnoOf, listSegments, makeDirectory, StorageError, toStorageError } from "@codex/storage";
import { type Kysely, Kysely as KyselyDatabase, Migrator, SqliteDialect, sql } from "kysely";
import { LoggingError } from "../errors.ts";
import { runPaths } from "../run-directory.ts";
import type { RunManifest } from "../run-manifest.ts";
import { type LatestMetric, type RunSummary, summarizeRun } from "../run-summary.ts";
import { openDatabase } from "./open-database.ts";
import { type IndexTables, migrationProvider } from "./schema.ts";

export interface ListRunsOptions {
  readonly status?: RunSummary["status"];
  /** Default: 100. */
  readonly limit?: number;
}

/**
 * Runs in an SQLite database, to list and compare them without reading their directories. Many processes may write at
 * once. What a call wrote is there after a crash or a power loss once the call has returned.
 */
export interface RunIndex extends AsyncDisposable {
  /** Adds a run, or replaces what was known of it. */
  put(summary: RunSummary): Promise<void>;
  /** `put(await summarizeRun(directory))` */
  refresh(runDirectory: string): Promise<RunSummary>;
  /** Newest first. */
  listRuns(options?: ListRunsOptions): Promise<RunSummary[]>;
  /** @throws {LoggingError} `LOGGING_RUN_UNKNOWN` */
  getRun(runId: string): Promise<RunSummary>;
  /** Forgets a run; its directory stays. @returns whether it was known */
  removeRun(runId: string): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Opens or creates a run index and brings its tables up to date. The caller closes it, or uses `await using`.
 *
 * @throws {LoggingError} `LOGGING_SQLITE_UNSUITABLE`; `LOGGING_INDEX_INVALID` for a file that is something else, or an
 * index of a newer version
 */
export async function openRunIndex(path: string): Promise<RunIndex> {
  return new SqliteRunIndex(await openTables(path));
}

/** A directory that could not be indexed, and why. */
export interface SkippedRun {
  readonly directory: string;
  readonly error: LoggingError | StorageError;
}

/**
 * Makes the index anew from run directories. Readers see the old contents until the new ones are complete.
 *
 * @param roots - folders whose direct subfolders are run directories; those without a manifest are not runs
 * @returns the directories that were indexed, and those that could not be
 */
export function rebuildRunIndex(
  path: string,
  roots: readonly string[],
): Promise<{ indexed: string[]; skipped: SkippedRun[] }> {
  return readInto(path, roots, () => undefined);
}

/**
 * Brings the index in line with run directories, as `rebuildRunIndex` does, but reads only those whose files changed: their
 * sizes and times are kept in the index. Runs whose directories are gone are forgotten.
 */
export function updateRunIndex(
  path: string,
  roots: readonly string[],
): Promise<{ indexed: string[]; skipped: SkippedRun[] }> {
  return readInto(path, roots, (known, stamp) => (known?.stamp === stamp ? known : undefined));
}

interface KnownRun {
  readonly run_id: string;
  readonly directory: string;
  readonly stamp: string;
}

/** @param reuse - what the index knows of a directory, if that need not be read again */
async function readInto(
  path: string,
  roots: readonly string[],
  reuse: (known: KnownRun | undefined, stamp: string) => KnownRun | undefined,
): Promise<{ indexed: string[]; skipped: SkippedRun[] }> {
  const db = await openTables(path);
  try {
    const rows: KnownRun[] = await db.selectFrom("runs").select(["run_id", "directory", "stamp"]).execute();
    const known = new Map(rows.map((row) => [row.directory, row]));
    const indexed = new Map<string, string>(); // run id to directory
    const changed: { summary: RunSummary; stamp: string }[] = [];
    const skipped: SkippedRun[] = [];
    for (const listed of await listRunDirectories(roots)) {
      const directory = resolve(listed);
      try {
        const stamp = await stampOf(directory); // before reading: what is written meanwhile shows the next time
        const reused = reuse(known.get(directory), stamp);
        const summary = reused === undefined ? await summarizeRun(directory) : undefined;
        const runId = reused?.run_id ?? summary!.runId;
        const twin = indexed.get(runId);
        if (twin !== undefined) throw copyOf(twin, directory, runId);
        indexed.set(runId, directory);
        if (summary !== undefined) changed.push({ summary, stamp });
      } catch (error) {
        if (!(error instanceof LoggingError || error instanceof StorageError)) throw error;
        skipped.push({ directory, error });
      }
    }
    const gone = rows.filter((row) => indexed.get(row.run_id) === undefined);
    if (gone.length > 0 || changed.length > 0) {
      await writing(db, async (transaction) => {
        for (const { run_id } of gone) await transaction.deleteFrom("runs").where("run_id", "=", run_id).execute();
        for (const { summary, stamp } of changed) await putRun(transaction, summary, stamp);
      });
    }
    return { indexed: [...indexed.values()], skipped };
  } finally {
    await db.destroy();
  }
}

/** Changes whenever one of the files that a summary is made of does. */
async function stampOf(directory: string): Promise<string> {
  const paths = runPaths(directory);
  const logs = await Promise.all([paths.events, paths.metricsNdjson].map((path) => listSegments(path)));
  const files = await Promise.all(
    [paths.manifest, ...logs.flat()].map((file) =>
      stat(file).then(
        ({ size, mtimeMs }) => `${size}@${mtimeMs}`,
        () => "none",
      ),
    ),
  );
  return files.join(" ");
}

function copyOf(twin: string, directory: string, runId: string): LoggingError {
  return new LoggingError(
    "LOGGING_RUN_EXISTS",
    `${directory}: expected a run id of its own, it has that of ${twin}: ${runId}`,
    { help: "One is a copy of the other. Move one of them out of the folder of runs." },
  );
}

class SqliteRunIndex implements RunIndex {
  readonly #db: Kysely<IndexTables>;

  constructor(db: Kysely<IndexTables>) {
    this.#db = db;
  }

  put(summary: RunSummary): Promise<void> {
    return writing(this.#db, (transaction) => putRun(transaction, summary, ""));
  }

  async refresh(runDirectory: string): Promise<RunSummary> {
    const stamp = await stampOf(resolve(runDirectory));
    const summary = await summarizeRun(runDirectory);
    await writing(this.#db, (transaction) => putRun(transaction, summary, stamp));
    return summary;
  }

  listRuns({ status, limit = 100 }: ListRunsOptions = {}): Promise<RunSummary[]> {
    // One read transaction, so that no other process changes the metrics between the two questions.
    return this.#db.transaction().execute(async (transaction) => {
      let newest = transaction.selectFrom("runs").orderBy("created_at", "desc").orderBy("run_id", "desc").limit(limit);
      if (status !== undefined) newest = newest.where("status", "=", status);
      const runs = await newest.selectAll().execute();
      const metrics = new Map<string, IndexTables["run_metrics"][]>(runs.map((run) => [run.run_id, []]));
      const rows = selectMetrics(transaction).where("run_id", "in", newest.select("run_id"));
      for (const metric of await rows.execute()) metrics.get(metric.run_id)!.push(metric);
      return runs.map((run) => toSummary(run, metrics.get(run.run_id)!));
    });
  }

  async getRun(runId: string): Promise<RunSummary> {
    const found = await this.#db.transaction().execute(async (transaction) => {
      const run = await transaction.selectFrom("runs").selectAll().where("run_id", "=", runId).executeTakeFirst();
      return run && toSummary(run, await selectMetrics(transaction).where("run_id", "=", runId).execute());
    });
    if (found === undefined) {
      throw new LoggingError("LOGGING_RUN_UNKNOWN", `run index: expected a known run, got ${JSON.stringify(runId)}`, {
        help: '"codex runs list" shows the known ones; rebuilding the index finds those that were made elsewhere.',
      });
    }
    return found;
  }

  async removeRun(runId: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom("runs").where("run_id", "=", runId).executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }

  close(): Promise<void> {
    return this.#db.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function openTables(path: string): Promise<Kysely<IndexTables>> {
  await makeDirectory(dirname(resolve(path)));
  const db = new KyselyDatabase<IndexTables>({ dialect: new SqliteDialect({ database: openDatabase(path) }) });
  try {
    await writing(db, async (transaction) => {
      const { error } = await new Migrator({ db: transaction, provider: migrationProvider }).migrateToLatest();
      if (error !== undefined) throw error;
    });
    return db;
  } catch (cause) {
    await db.destroy();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LoggingError("LOGGING_INDEX_INVALID", `${path}: cannot bring the run index up to date: ${reason}`, {
      cause,
      help: "An index made by a newer version of Codex needs that version. Or move the file away: it is made again from the run directories.",
    });
  }
}

/**
 * One write transaction. `BEGIN IMMEDIATE` takes the write lock at the start, where SQLite waits for other writers; a
 * deferred transaction (what `db.transaction()` begins) would fail at once when it turns into a writer too late.
 */
function writing<T>(db: Kysely<IndexTables>, work: (transaction: Kysely<IndexTables>) => Promise<T>): Promise<T> {
  return db.connection().execute(async (connection) => {
    await sql`begin immediate`.execute(connection);
    try {
      const result = await work(connection);
      await sql`commit`.execute(connection);
      return result;
    } catch (error) {
      // Some errors (disk full) have ended the transaction already; the error to tell is the first one.
      await sql`rollback`.execute(connection).catch(() => {});
      throw error;
    }
  });
}

async function putRun(transaction: Kysely<IndexTables>, summary: RunSummary, stamp: string): Promise<void> {
  await transaction.deleteFrom("runs").where("run_id", "=", summary.runId).execute(); // and its metrics, by cascade
  await transaction
    .insertInto("runs")
    .values({
      run_id: summary.runId,
      directory: summary.directory,
      created_at: summary.createdAt,
      status: summary.status,
      step: summary.step,
      git_commit: summary.gitCommit,
      manifest: JSON.stringify(summary.manifest),
      stamp,
    })
    .execute();
  for (const { split, metric, dataset, step, value } of summary.metrics) {
    await transaction
      .insertInto("run_metrics")
      .values({ run_id: summary.runId, split, metric, dataset: dataset ?? "", step, value })
      .execute();
  }
}

function selectMetrics(db: Kysely<IndexTables>) {
  return db.selectFrom("run_metrics").selectAll().orderBy("split").orderBy("metric").orderBy("dataset");
}

function toSummary(run: IndexTables["runs"], metrics: readonly IndexTables["run_metrics"][]): RunSummary {
  return {
    runId: run.run_id,
    directory: run.directory,
    createdAt: run.created_at,
    status: run.status as RunSummary["status"],
    step: run.step,
    gitCommit: run.git_commit,
    metrics: metrics.map(({ split, metric, dataset, step, value }) => ({
      split: split as LatestMetric["split"],
      metric,
      dataset: dataset === "" ? null : dataset,
      step,
      value,
    })),
    manifest: JSON.parse(run.manifest) as RunManifest,
  };
}

async function listRunDirectories(roots: readonly string[]): Promise<string[]> {
  const directories: string[] = [];
  for (const root of roots) {
    const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
      throw toStorageError(error, "read", root);
    });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (!entry.isDirectory()) continue;
      const files = await readdir(join(root, entry.name)).catch((error: unknown) => {
        if (errnoOf(error) === "ENOENT") return [] as string[]; // deleted meanwhile
        throw error;
      });
      if (files.includes("manifest.json")) directories.push(join(root, entry.name));
    }
  }
  return directories;
}
