import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type DurableFs, exists, makeDirectory, nodeFs, removeTree, writeFileDurably } from "@codex/storage";
import type { MetricRecord } from "../metric-record.ts";
import type { TrackerContext } from "../registry.ts";
import type { TrackedArtifact, TrackedParams, TrackedRun, TrackedText, Tracker } from "../tracking/tracker.ts";
import type { ProtoMessage } from "../wire/proto-message.ts";
import { WandbLog } from "./wandb-log.ts";

export interface WandbOptions {
  /** Folder that gets the run folder. Default: `wandb` in the run directory. */
  readonly directory?: string;
  /** Default: `WANDB_PROJECT`, or `codex`. */
  readonly project?: string;
  /** User or team. Default: who is logged in when the run is uploaded. */
  readonly entity?: string;
}

const EXIT_CODE = { completed: 0, failed: 1, interrupted: 130 } as const;
const END_POLICY = 1; // of files: uploaded when the run has ended

/**
 * An offline run of Weights & Biases. One file holds the whole run, resumed or not: `wandb sync` uploads it as one. Rows have numbers of
 * their own (`_step`), since the numbers of one optimizer step come at several times; curves are drawn over `step`.
 */
export class WandbTracker implements Tracker {
  readonly destination: string;
  readonly #options: WandbOptions;
  readonly #id: string;
  readonly #fs: DurableFs;
  #log: WandbLog | undefined;
  #createdAtMs = 0;

  /** @param createdAt - of the run: the name of the folder begins with it */
  constructor(
    options: WandbOptions,
    { runDirectory, runId }: Pick<TrackerContext, "runDirectory" | "runId">,
    createdAt: Date,
    fs: DurableFs = nodeFs,
  ) {
    this.#options = options;
    this.#id = wandbId(runId);
    this.#fs = fs;
    const [day, time] = createdAt.toISOString().replace(/[-:]/g, "").slice(0, 15).split("T");
    const folder = options.directory === undefined ? join(runDirectory, "wandb") : resolve(options.directory);
    this.destination = join(folder, `offline-run-${day}_${time}-${this.#id}`);
  }

  async start(run: TrackedRun): Promise<void> {
    this.#createdAtMs = Date.parse(run.createdAt);
    const fs = this.#fs;
    if (this.#log !== undefined) return;
    if (run.restarted && (await exists(this.destination, fs))) await removeTree(this.destination, fs);
    await makeDirectory(join(this.destination, "files"), { fs });
    const log = await WandbLog.open(join(this.destination, `run-${this.#id}.wandb`), fs);
    try {
      if (log.isNew) this.#introduce(log, run);
      await log.flush();
    } catch (error) {
      await log.close().catch(() => {}); // the first error is the one to tell
      throw error;
    }
    this.#log = log;
  }

  #introduce(log: WandbLog, { runId, createdAt, tags }: TrackedRun): void {
    const { project = process.env["WANDB_PROJECT"] || "codex", entity } = this.#options;
    const start = Date.parse(createdAt);
    log.add("header", (header) => header.message(1, (version) => version.string(1, "codex").string(2, "0.10.0")));
    log.add("run", (run) => {
      run.string(1, this.#id);
      if (entity !== undefined) run.string(2, entity);
      run.string(3, project);
      run.message(4, (config) => update(config, "tags", tags));
      run.string(8, runId).string(13, hostname());
      run.message(17, (time) => time.varint(1, Math.floor(start / 1000)).varint(2, (start % 1000) * 1e6));
    });
    // Curves are drawn over the optimizer step.
    log.add("metric", (metric) => metric.string(1, "step").message(6, (options) => options.varint(3, 1)));
    log.add("metric", (metric) =>
      metric
        .string(2, "*")
        .string(4, "step")
        .message(6, (options) => options.varint(1, 1)),
    );
  }

  async logParams(params: TrackedParams): Promise<void> {
    await this.#write((log) =>
      log.add("config", (config) => {
        for (const [key, value] of Object.entries(params)) update(config, key, value);
      }),
    );
  }

  async logMetrics(records: readonly MetricRecord[], source: "metrics" | "system"): Promise<void> {
    await this.#write((log) => (source === "system" ? this.#addSystem(log, records) : this.#addRows(log, records)));
  }

  #addRows(log: WandbLog, records: readonly MetricRecord[]): void {
    const summary: Record<string, number> = {};
    for (let at = 0; at < records.length; ) {
      const { step, timestamp } = records[at] as MetricRecord;
      const values: Record<string, number> = step === null ? {} : { step };
      for (; at < records.length && records[at]?.step === step; at++) {
        const { split, metric, value } = records[at] as MetricRecord;
        values[`${split}/${metric}`] = value;
      }
      this.#addRow(log, timestamp, values);
      Object.assign(summary, values);
    }
    log.add("summary", (message) => {
      for (const [key, value] of Object.entries(summary)) update(message, key, value);
    });
  }

  #addRow(log: WandbLog, timestamp: string, values: Readonly<Record<string, unknown>>): void {
    const seconds = Date.parse(timestamp) / 1000;
    log.addRow((history, row) => {
      for (const [key, value] of Object.entries(values)) update(history, key, value);
      update(history, "_timestamp", seconds);
      update(history, "_runtime", Math.max(0, seconds - this.#createdAtMs / 1000));
      update(history, "_step", row);
      history.message(2, (step) => step.varint(1, row));
    });
  }

  #addSystem(log: WandbLog, records: readonly MetricRecord[]): void {
    for (const { metric, value, timestamp } of records) {
      const ms = Date.parse(timestamp);
      log.add("stats", (stats) => {
        stats.varint(1, 0); // SYSTEM
        stats.message(2, (time) => time.varint(1, Math.floor(ms / 1000)).varint(2, (ms % 1000) * 1e6));
        stats.message(3, (item) => item.string(1, metric).string(16, JSON.stringify(value)));
      });
    }
  }

  async logText({ tag, step, text, timestamp }: TrackedText): Promise<void> {
    await this.#write((log) => this.#addRow(log, timestamp, { ...(step === null ? {} : { step }), [tag]: text }));
  }

  async logArtifact({ path, name }: TrackedArtifact): Promise<void> {
    const target = join(this.destination, "files", "run", name); // config.yaml at the top belongs to W&B
    await makeDirectory(dirname(target), { fs: this.#fs });
    await writeFileDurably(
      target,
      async (writer) => {
        for await (const chunk of createReadStream(path)) await writer.write(chunk as Buffer);
      },
      { fs: this.#fs },
    );
    await this.#write((log) =>
      log.add("files", (files) => files.message(1, (file) => file.string(1, `run/${name}`).varint(2, END_POLICY))),
    );
  }

  async finish({ status, timestamp }: Parameters<Tracker["finish"]>[0]): Promise<void> {
    const runtime = Math.max(0, Math.round((Date.parse(timestamp) - this.#createdAtMs) / 1000));
    await this.#write((log) => log.add("exit", (exit) => exit.varint(1, EXIT_CODE[status]).varint(2, runtime)));
  }

  async close(): Promise<void> {
    await this.#log?.close();
    this.#log = undefined;
  }

  async #write(add: (log: WandbLog) => void): Promise<void> {
    const log = this.#log;
    if (log === undefined) return; // closed while a call was under way
    add(log);
    await log.flush();
  }
}

/** An item of history, summary or configuration: a key, which may hold dots and slashes, and JSON. */
function update(message: ProtoMessage, key: string, value: unknown): void {
  message.message(1, (item) => item.string(2, key).string(16, JSON.stringify(value)));
}

/** Weights & Biases takes 64 characters; a longer id is cut, and told apart by its hash. */
function wandbId(runId: string): string {
  if (runId.length <= 64) return runId;
  return `${runId.slice(0, 51)}-${createHash("sha256").update(runId).digest("hex").slice(0, 12)}`;
}
