/** @module Runs on an MLflow server, or in a folder that MLflow takes over: the tracker `mlflow`. */
import type { RegistryEntry } from "@codex/registry";
import { FolderStore } from "./mlflow/folder-store.ts";
import { MlflowClient } from "./mlflow/mlflow-client.ts";
import { MlflowTracker } from "./mlflow/mlflow-tracker.ts";
import { ServerStore } from "./mlflow/server-store.ts";
import { isLoopback, type MlflowOptions, resolveMlflowTarget } from "./mlflow/tracking-uri.ts";
import type { CreateTracker } from "./registry.ts";

/** Needs nothing of Python: it speaks MLflow's REST API. */
export const mlflow = {
  create(options: MlflowOptions, context) {
    const target = resolveMlflowTarget(options);
    const { shown, experiment } = target;
    if (target.kind === "folder") return new MlflowTracker(shown, new FolderStore(target.folder, experiment), context);
    const isLocal = isLoopback(new URL(target.address).hostname);
    const client = new MlflowClient(target.address, target.authorization);
    return new MlflowTracker(shown, new ServerStore(client, { experiment, isLocal }), context);
  },
  configSchema: {
    type: "object",
    description: "A run on an MLflow server, or in a folder of MLflow's file store.",
    properties: {
      uri: {
        type: "string",
        minLength: 1,
        description:
          "Address of an MLflow server, or a folder (file:mlruns); MLFLOW_TRACKING_URI, or the folder mlruns, if not set.",
      },
      experiment: {
        type: "string",
        minLength: 1,
        maxLength: 500,
        description: "MLFLOW_EXPERIMENT_NAME, MLFLOW_EXPERIMENT, or codex, if not set.",
      },
      allowRemote: {
        type: "boolean",
        default: false,
        description: "Send to a server on another machine; otherwise only to 127.0.0.1, ::1 and localhost.",
      },
    },
    additionalProperties: false,
  },
} satisfies RegistryEntry<CreateTracker>;
