import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type DurableFs, errnoOf, nodeFs } from "@codex/storage";
import type { MetricRecord } from "../metric-record.ts";
import type { TrackerContext } from "../registry.ts";
import type { TrackedRun, Tracker } from "../tracking/tracker.ts";
import { createEventFile, type EventFile } from "./event-file.ts";

export interface TensorboardOptions {
  /** Folder that gets a folder of the run's name. Default: `tensorboard` in the run directory. */
  readonly directory?: string;
}

/** Each process writes an event file of its own; TensorBoard reads those of a folder as one run. */
export class TensorboardTracker implements Tracker {
  readonly destination: string;
  readonly #fs: DurableFs;
  #file: EventFile | undefined;
  #createdAt = new Date(0);

  constructor(
    { directory }: TensorboardOptions,
    { runDirectory, runId }: Pick<TrackerContext, "runDirectory" | "runId">,
    fs = nodeFs,
  ) {
    this.destination = directory === undefined ? join(runDirectory, "tensorboard") : join(resolve(directory), runId);
    this.#fs = fs;
  }

  async start({ createdAt, restarted }: TrackedRun): Promise<void> {
    if (restarted && this.#file === undefined) await this.#removeEventFiles();
    this.#createdAt = new Date(createdAt);
    this.#file ??= await createEventFile(this.destination, { fs: this.#fs });
  }

  async logParams(params: Readonly<Record<string, string | number | boolean>>): Promise<void> {
    await this.#write((file) => file.hparams(params, { startTime: this.#createdAt }));
  }

  async logMetrics(records: readonly MetricRecord[], source: "metrics" | "system"): Promise<void> {
    await this.#write((file) => {
      for (const { split, metric, value, step, timestamp } of records) {
        const wallTime = new Date(timestamp);
        // What belongs to no step stands at the seconds since the run was made.
        const at = step ?? Math.max(0, Math.round((wallTime.getTime() - this.#createdAt.getTime()) / 1000));
        file.scalar(`${source === "system" ? "system" : split}/${metric}`, value, { step: at, wallTime });
      }
    });
  }

  async logText({ tag, step, text, timestamp }: Parameters<Tracker["logText"]>[0]): Promise<void> {
    await this.#write((file) => file.text(tag, fenced(text), { step: step ?? 0, wallTime: new Date(timestamp) }));
  }

  /** TensorBoard has no place for files. */
  async logArtifact(): Promise<void> {}

  async finish({ status, timestamp }: Parameters<Tracker["finish"]>[0]): Promise<void> {
    const session = status === "failed" ? "failure" : "success";
    await this.#write((file) => file.hparamsEnd(session, new Date(timestamp)));
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #write(add: (file: EventFile) => void): Promise<void> {
    const file = this.#file;
    if (file === undefined) return; // closed while a call was under way
    add(file);
    await file.flush();
  }

  async #removeEventFiles(): Promise<void> {
    const names = await readdir(this.destination).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw error;
      return [];
    });
    for (const name of names.filter((file) => file.startsWith("events.out.tfevents.")))
      await this.#fs.unlink(join(this.destination, name));
  }
}

/** Samples are text, not the Markdown that TensorBoard takes them for. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
