import type { Batch, KeyValue } from "./limits.ts";

export type MlflowStatus = "RUNNING" | "FINISHED" | "FAILED" | "KILLED";

/** What the run is found by again, from any process. */
export interface RunIdentity {
  readonly runId: string;
  /** ISO 8601, UTC. Two runs of one name differ in it. */
  readonly createdAt: string;
}

/** What MLflow has of a run. */
export interface StoredRun {
  readonly status: MlflowStatus;
  readonly params: ReadonlyMap<string, string>;
  /** Of each metric, the value with the last step. */
  readonly latest: ReadonlyMap<string, { readonly step: number; readonly timestamp: number }>;
}

/** Where MLflow keeps runs: a server, or a folder. Calls come one at a time, and those behind `find` and `create` are about that run. */
export interface MlflowStore {
  find(run: RunIdentity): Promise<StoredRun | undefined>;
  create(run: RunIdentity, tags: readonly KeyValue[]): Promise<StoredRun>;
  /** Takes the run away, so that it can be made anew. */
  remove(run: RunIdentity): Promise<void>;
  logBatch(batch: Batch): Promise<void>;
  /** When the newest value of a metric was measured: milliseconds since 1970; `undefined` for none. */
  newestTime(key: string): Promise<number | undefined>;
  /** @returns why there is no place for files; `undefined` when it was taken */
  putFile(name: string, source: FileSource): Promise<string | undefined>;
  /** @param endTime - milliseconds since 1970; null for a run that goes on */
  update(status: MlflowStatus, endTime: number | null): Promise<void>;
  /** Ends a call that is under way. */
  close(): Promise<void>;
}

export type FileSource = { readonly path: string } | { readonly text: string };
