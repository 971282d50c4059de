/**
 * Runs in a folder, in the layout of MLflow's file store, which `mlflow migrate-filestore` takes over into a database:
 * `<folder>/<experiment>/<run>/{meta.yaml,metrics/<key>,params/<key>,tags/<key>,artifacts/}`. A line of a metric: `<ms> <value> <step>`.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type DurableFs,
  errnoOf,
  exists,
  makeDirectory,
  nodeFs,
  readFully,
  removeTree,
  toStorageError,
  writeFileDurably,
} from "@codex/storage";
import { RecordFile } from "../wire/record-file.ts";
import { copyTo } from "./artifact-file.ts";
import type { Batch, KeyValue, Metric } from "./limits.ts";
import type { FileSource, MlflowStatus, MlflowStore, RunIdentity, StoredRun } from "./mlflow-store.ts";
import { CREATED_TAG, RUN_ID_TAG } from "./server-store.ts";

/** The numbers of `meta.yaml`, in MLflow's order. */
const STATUSES: readonly (MlflowStatus | "SCHEDULED")[] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];
/** More than any line of a metric. */
const TAIL_BYTES = 1024;
const LINE_FEED = 10;

export class FolderStore implements MlflowStore {
  readonly #experiment: string;
  readonly #experimentDirectory: string;
  readonly #experimentId: string;
  readonly #fs: DurableFs;
  readonly #metrics = new Map<string, RecordFile>();
  #latest = new Map<string, { step: number; timestamp: number }>();
  #directory = "";
  #meta: Record<string, string | number | null | string[]> = {};

  constructor(folder: string, experiment: string, fs: DurableFs = nodeFs) {
    this.#experiment = experiment;
    // The same one for every process and every run: 18 digits, as MLflow makes them.
    this.#experimentId = String(100_000_000_000_000_000n + (hashOf(experiment) % 900_000_000_000_000_000n));
    this.#experimentDirectory = join(folder, this.#experimentId);
    this.#fs = fs;
  }

  async find(run: RunIdentity): Promise<StoredRun | undefined> {
    await this.#closeFiles();
    this.#directory = join(this.#experimentDirectory, runUuid(run));
    const meta = await readMeta(join(this.#directory, "meta.yaml"));
    if (meta === undefined) return undefined;
    this.#meta = meta;
    this.#latest = new Map();
    for (const key of await filesBelow(join(this.#directory, "metrics"))) await this.#openMetric(key);
    const params = new Map<string, string>();
    for (const key of await filesBelow(join(this.#directory, "params")))
      params.set(key, await readFile(join(this.#directory, "params", key), "utf8"));
    const status = STATUSES[Number(meta["status"]) - 1];
    return {
      status: status === undefined || status === "SCHEDULED" ? "RUNNING" : status,
      params,
      latest: this.#latest,
    };
  }

  async create(run: RunIdentity, tags: readonly KeyValue[]): Promise<StoredRun> {
    await this.#createExperiment();
    const uuid = runUuid(run);
    this.#directory = join(this.#experimentDirectory, uuid);
    this.#latest = new Map();
    for (const folder of ["metrics", "params", "tags", "artifacts"])
      await makeDirectory(join(this.#directory, folder), { fs: this.#fs });
    const own = [
      ["mlflow.runName", run.runId],
      [RUN_ID_TAG, run.runId],
      [CREATED_TAG, run.createdAt],
    ].map(([key, value]) => ({ key, value }) as KeyValue);
    await this.logBatch({ metrics: [], params: [], tags: [...tags, ...own] });
    this.#meta = {
      artifact_uri: pathToFileURL(join(this.#directory, "artifacts")).href,
      end_time: null,
      entry_point_name: "",
      experiment_id: this.#experimentId,
      lifecycle_stage: "active",
      run_id: uuid,
      run_name: run.runId,
      run_uuid: uuid,
      source_name: "",
      source_type: 4, // LOCAL
      source_version: "",
      start_time: Date.parse(run.createdAt),
      status: STATUSES.indexOf("RUNNING") + 1,
      tags: [],
      user_id: "",
    };
    await this.#writeMeta(); // last: with it the run is one
    return { status: "RUNNING", params: new Map(), latest: this.#latest };
  }

  async remove(run: RunIdentity): Promise<void> {
    await this.#closeFiles();
    const directory = join(this.#experimentDirectory, runUuid(run));
    if (await exists(directory, this.#fs)) await removeTree(directory, this.#fs);
  }

  async logBatch({ metrics, params, tags }: Batch): Promise<void> {
    for (const { key, value } of params) await this.#writeValue("params", key, value);
    for (const { key, value } of tags) await this.#writeValue("tags", key, value);
    const lines = new Map<string, Metric[]>();
    for (const metric of metrics) {
      const same = lines.get(metric.key) ?? [];
      same.push(metric);
      lines.set(metric.key, same);
    }
    for (const [key, values] of lines) {
      const file = this.#metrics.get(key) ?? (await this.#openMetric(key));
      const text = values.map(({ timestamp, value, step }) => `${timestamp} ${value} ${step}\n`).join("");
      await file.append(Buffer.from(text));
      this.#latest.set(key, values.at(-1) as Metric);
    }
  }

  async newestTime(key: string): Promise<number | undefined> {
    return this.#latest.get(key)?.timestamp;
  }

  async putFile(name: string, source: FileSource): Promise<undefined> {
    const target = join(this.#directory, "artifacts", name);
    await makeDirectory(dirname(target), { fs: this.#fs });
    await copyTo(target, source);
  }

  async update(status: MlflowStatus, endTime: number | null): Promise<void> {
    this.#meta = { ...this.#meta, status: STATUSES.indexOf(status) + 1, end_time: endTime };
    await this.#writeMeta();
  }

  async close(): Promise<void> {
    await this.#closeFiles();
  }

  async #createExperiment(): Promise<void> {
    const path = join(this.#experimentDirectory, "meta.yaml");
    if (await exists(path, this.#fs)) return;
    await makeDirectory(this.#experimentDirectory, { fs: this.#fs });
    const now = Date.now();
    const meta = {
      artifact_location: pathToFileURL(this.#experimentDirectory).href,
      creation_time: now,
      experiment_id: this.#experimentId,
      last_update_time: now,
      lifecycle_stage: "active",
      name: this.#experiment,
    };
    await writeFileDurably(path, yamlOf(meta), { fs: this.#fs });
  }

  async #writeMeta(): Promise<void> {
    await writeFileDurably(join(this.#directory, "meta.yaml"), yamlOf(this.#meta), { fs: this.#fs });
  }

  async #writeValue(kind: "params" | "tags", key: string, value: string): Promise<void> {
    const path = join(this.#directory, kind, key);
    await makeDirectory(dirname(path), { fs: this.#fs });
    await writeFileDurably(path, value, { fs: this.#fs });
  }

  /** Opens a metric behind its last whole line: a killed process may have torn one. */
  async #openMetric(key: string): Promise<RecordFile> {
    const path = join(this.#directory, "metrics", key);
    let file: RecordFile;
    if (await exists(path, this.#fs)) {
      const { size, last } = await readLast(path, this.#fs);
      file = await RecordFile.open(path, size, this.#fs);
      const [timestamp, , step = "0"] = last.split(" ");
      if (last !== "") this.#latest.set(key, { step: Number(step), timestamp: Number(timestamp) });
    } else {
      await makeDirectory(dirname(path), { fs: this.#fs });
      file = await RecordFile.create(path, this.#fs);
    }
    this.#metrics.set(key, file);
    return file;
  }

  async #closeFiles(): Promise<void> {
    const files = [...this.#metrics.values()];
    this.#metrics.clear();
    for (const file of files) await file.close();
  }
}

function hashOf(text: string): bigint {
  return createHash("sha256").update(text).digest().readBigUInt64BE();
}

function runUuid({ runId, createdAt }: RunIdentity): string {
  return createHash("sha256").update(`${runId} ${createdAt}`).digest("hex").slice(0, 32);
}

/** Flow scalars of JSON are YAML. */
function yamlOf(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("");
}

/** A `meta.yaml` of ours, or one that MLflow has written again: scalars, one a line. */
async function readMeta(path: string): Promise<Record<string, string | number | null | string[]> | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw toStorageError(error, "read", path);
    return undefined;
  });
  if (text === undefined) return undefined;
  const lines = [...text.matchAll(/^(\w+): *(.*)$/gm)];
  return Object.fromEntries(lines.map(([, key, value]) => [key as string, scalarOf(value as string)]));
}

function scalarOf(text: string): string | number | null | string[] {
  if (/^'.*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'");
  try {
    return JSON.parse(text) as string | number | null | string[];
  } catch {
    return text;
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw toStorageError(error, "list", folder);
    return [];
  });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .split(sep)
        .join("/"),
    );
}

/** The size of a file up to its last whole line, and that line. */
async function readLast(path: string, fs: DurableFs): Promise<{ size: number; last: string }> {
  const file = await fs.open(path, "r");
  try {
    const size = await file.size();
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await readFully(file, tail, size - tail.byteLength);
    const end = tail.lastIndexOf(LINE_FEED) + 1;
    const start = end === 0 ? 0 : tail.lastIndexOf(LINE_FEED, end - 2) + 1;
    return { size: size - tail.byteLength + end, last: tail.toString("latin1", start, Math.max(start, end - 1)) };
  } finally {
    await file.close();
  }
}
