/** Runs on an MLflow server. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeDirectory } from "@codex/storage";
import { LoggingError } from "../errors.ts";
import { copyTo } from "./artifact-file.ts";
import type { Batch, KeyValue } from "./limits.ts";
import { type Answer, type MlflowClient, MlflowRefusal } from "./mlflow-client.ts";
import type { FileSource, MlflowStatus, MlflowStore, RunIdentity, StoredRun } from "./mlflow-store.ts";

export const RUN_ID_TAG = "codex.run_id";
export const CREATED_TAG = "codex.created_at";
const HISTORY_PAGE = 25_000;

interface RunAnswer {
  readonly info: { readonly run_id: string; readonly status: MlflowStatus; readonly artifact_uri?: string };
  readonly data: {
    readonly metrics?: readonly { key: string; step?: number | string; timestamp?: number | string }[];
    readonly params?: readonly KeyValue[];
  };
}

export class ServerStore implements MlflowStore {
  readonly #client: MlflowClient;
  readonly #experiment: string;
  readonly #isLocal: boolean;
  #experimentId: string | undefined;
  #runId = "";
  #artifactUri = "";

  /** @param isLocal - the server sees the disk of this machine */
  constructor(client: MlflowClient, { experiment, isLocal }: { experiment: string; isLocal: boolean }) {
    this.#client = client;
    this.#experiment = experiment;
    this.#isLocal = isLocal;
  }

  async find(run: RunIdentity): Promise<StoredRun | undefined> {
    const [found] = await this.#search(run);
    return found === undefined ? undefined : this.#take(found);
  }

  async create({ runId, createdAt }: RunIdentity, tags: readonly KeyValue[]): Promise<StoredRun> {
    const answer = await this.#client.post("runs/create", {
      experiment_id: await this.#experimentOf(),
      run_name: runId,
      start_time: Date.parse(createdAt),
      tags: [...tags, { key: RUN_ID_TAG, value: runId }, { key: CREATED_TAG, value: createdAt }],
    });
    return this.#take(answer["run"] as RunAnswer);
  }

  /** MLflow keeps it among the deleted ones. */
  async remove(run: RunIdentity): Promise<void> {
    for (const { info } of await this.#search(run)) await this.#client.post("runs/delete", { run_id: info.run_id });
  }

  async logBatch(batch: Batch): Promise<void> {
    await this.#client.post("runs/log-batch", { run_id: this.#runId, ...batch });
  }

  async newestTime(key: string): Promise<number | undefined> {
    let newest: number | undefined;
    for (let page = ""; ; ) {
      const answer = await this.#client.get("metrics/get-history", {
        run_id: this.#runId,
        metric_key: key,
        max_results: String(HISTORY_PAGE),
        ...(page === "" ? {} : { page_token: page }),
      });
      for (const { timestamp } of (answer["metrics"] ?? []) as readonly { timestamp: number | string }[])
        newest = Math.max(newest ?? 0, Number(timestamp));
      const next = answer["next_page_token"];
      if (typeof next !== "string" || next === "" || next === page) return newest;
      page = next;
    }
  }

  async putFile(name: string, source: FileSource): Promise<string | undefined> {
    const uri = this.#artifactUri;
    const proxied = /^mlflow-artifacts:\/([^/].*)$/.exec(uri)?.[1];
    if (proxied !== undefined) {
      await this.#client.upload(`${proxied}/${name}`, source);
      return undefined;
    }
    const folder = uri.startsWith("file://") ? fileURLToPath(uri) : uri.startsWith("/") ? uri : undefined;
    if (folder === undefined || !this.#isLocal) {
      return `files of runs go to ${uri || "an unknown place"}, which only the server can write: start it with --serve-artifacts`;
    }
    const target = join(folder, name);
    await makeDirectory(dirname(target));
    await copyTo(target, source);
    return undefined;
  }

  async update(status: MlflowStatus, endTime: number | null): Promise<void> {
    const end = endTime === null ? {} : { end_time: endTime };
    await this.#client.post("runs/update", { run_id: this.#runId, status, ...end });
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async #search({ runId, createdAt }: RunIdentity): Promise<RunAnswer[]> {
    const answer = await this.#client.post("runs/search", {
      experiment_ids: [await this.#experimentOf()],
      filter: `tags.\`${RUN_ID_TAG}\` = '${runId}' AND tags.\`${CREATED_TAG}\` = '${createdAt}'`,
      run_view_type: "ACTIVE_ONLY",
      max_results: 10,
    });
    const runs = [...((answer["runs"] ?? []) as readonly RunAnswer[])];
    return runs.sort((a, b) => (a.info.run_id < b.info.run_id ? -1 : 1)); // the same one for everybody who asks
  }

  #take({ info, data }: RunAnswer): StoredRun {
    this.#runId = info.run_id;
    this.#artifactUri = info.artifact_uri ?? "";
    const latest = (data.metrics ?? []).map(
      ({ key, step = 0, timestamp = 0 }) => [key, { step: Number(step), timestamp: Number(timestamp) }] as const,
    );
    return {
      status: info.status,
      params: new Map((data.params ?? []).map(({ key, value }) => [key, value])),
      latest: new Map(latest),
    };
  }

  async #experimentOf(): Promise<string> {
    this.#experimentId ??= await this.#findOrCreateExperiment();
    return this.#experimentId;
  }

  async #findOrCreateExperiment(): Promise<string> {
    const name = this.#experiment;
    const found = await this.#findExperiment();
    if (found !== undefined) return found;
    try {
      return String((await this.#client.post("experiments/create", { name }))["experiment_id"]);
    } catch (error) {
      if (!(error instanceof MlflowRefusal && error.mlflowCode === "RESOURCE_ALREADY_EXISTS")) throw error;
      return (await this.#findExperiment()) as string; // another run was faster
    }
  }

  async #findExperiment(): Promise<string | undefined> {
    let answer: Answer;
    try {
      answer = await this.#client.get("experiments/get-by-name", { experiment_name: this.#experiment });
    } catch (error) {
      if (error instanceof MlflowRefusal && error.mlflowCode === "RESOURCE_DOES_NOT_EXIST") return undefined;
      throw error;
    }
    const experiment = answer["experiment"] as { experiment_id?: string; lifecycle_stage?: string } | undefined;
    if (experiment?.experiment_id === undefined)
      throw new MlflowRefusal("expected an experiment of MLflow, got something else", undefined, undefined);
    if (experiment.lifecycle_stage !== "deleted") return experiment.experiment_id;
    throw new LoggingError("LOGGING_TRACKER_REFUSED", `the experiment ${this.#experiment} was deleted in MLflow`, {
      help: `Restore it: mlflow experiments restore -x ${experiment.experiment_id}; or choose another.`,
    });
  }
}
