/** Where MLflow's data goes: what was asked for, and whether that may be used. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { redactText } from "@codex/safety";
import { LoggingError } from "../errors.ts";

export interface MlflowOptions {
  /** Address of a server, or a folder. Default: `MLFLOW_TRACKING_URI`, or `mlruns` in the working directory. */
  readonly uri?: string;
  /** Default: `MLFLOW_EXPERIMENT_NAME`, `MLFLOW_EXPERIMENT`, or `codex`. */
  readonly experiment?: string;
  /** Send to a server on another machine. Default: false. */
  readonly allowRemote?: boolean;
}

export type MlflowTarget = {
  /** For people; it holds no secret. */
  readonly shown: string;
  readonly experiment: string;
} & (
  | { readonly kind: "server"; readonly address: string; readonly authorization: string | undefined }
  | { readonly kind: "folder"; readonly folder: string }
);

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {LoggingError} `LOGGING_TRACKER_ADDRESS` */
export function resolveMlflowTarget(options: MlflowOptions, environment: Environment = process.env): MlflowTarget {
  const variable = environment["MLFLOW_TRACKING_URI"] || undefined;
  const uri = options.uri ?? variable ?? "mlruns";
  const experiment =
    options.experiment || environment["MLFLOW_EXPERIMENT_NAME"] || environment["MLFLOW_EXPERIMENT"] || "codex";
  const origin = options.uri === undefined && variable !== undefined ? " (MLFLOW_TRACKING_URI)" : "";
  const shown = (place: string) => `${place}, experiment ${experiment}${origin}`;
  const folder = folderOf(uri);
  if (folder !== undefined) return { kind: "folder", folder, experiment, shown: shown(folder) };

  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new LoggingError(
      "LOGGING_TRACKER_ADDRESS",
      `MLflow: asked for ${redactText(uri)}, used none: expected the address of a server (http://127.0.0.1:5000) or a folder (file:mlruns).`,
      { help: "For a database start `mlflow server --backend-store-uri <database>`, and give the address of that." },
    );
  }
  const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  if (username !== "" || password !== "") {
    url.username = "";
    url.password = "";
    // What is configured is kept in the records of the run, without its secrets: a resumed run would not get in.
    if (options.uri !== undefined) {
      throw new LoggingError(
        "LOGGING_TRACKER_ADDRESS",
        `MLflow: asked for ${url.href} with a name and a password in it, used none.`,
        { help: "Give them by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD." },
      );
    }
  }
  url.search = "";
  url.hash = "";
  const address = url.href.replace(/\/+$/, "");
  if (!isLoopback(url.hostname) && options.allowRemote !== true) {
    throw new LoggingError(
      "LOGGING_TRACKER_ADDRESS",
      `MLflow: asked for ${address}${origin}, used none: it is not on this machine.`,
      {
        help: "Numbers leave this machine with allowRemote=true (--allow-remote) only; `codex runs replay <run> --to mlflow allowRemote=true` sends them later.",
      },
    );
  }
  const authorization = authorizationOf(environment, username, password);
  return { kind: "server", address, authorization, experiment, shown: shown(address) };
}

/** A path, or a `file:` URI of this machine. */
function folderOf(uri: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri)) return resolve(uri); // a drive letter is one character
  if (!uri.startsWith("file:")) return undefined;
  if (!uri.startsWith("file://")) return resolve(decodeURIComponent(uri.slice("file:".length)));
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw new LoggingError("LOGGING_TRACKER_ADDRESS", `MLflow: ${redactText(uri)}: expected a folder of this machine`, {
      cause: error,
    });
  }
}

export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** As MLflow's own client takes them: a name and a password before a token. */
function authorizationOf(environment: Environment, username: string, password: string): string | undefined {
  const name = username || environment["MLFLOW_TRACKING_USERNAME"];
  const secret = password || environment["MLFLOW_TRACKING_PASSWORD"];
  if (name && secret) return `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
  const token = environment["MLFLOW_TRACKING_TOKEN"];
  return token ? `Bearer ${token}` : undefined;
}
