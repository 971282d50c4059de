/** Calls of MLflow's REST API 2.0. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { redactText } from "@codex/safety";
import { LoggingError } from "../errors.ts";
import type { FileSource } from "./mlflow-store.ts";

const CALL_MS = 30_000;
const UPLOAD_MS = 600_000;
const MESSAGE_LENGTH = 400;

export type Answer = Readonly<Record<string, unknown>>;

/** @throws {LoggingError} `LOGGING_TRACKER_UNREACHABLE`, `LOGGING_TRACKER_REFUSED` from every call */
export class MlflowClient {
  readonly #address: string;
  readonly #authorization: string | undefined;
  readonly #closing = new AbortController();

  constructor(address: string, authorization: string | undefined) {
    this.#address = address;
    this.#authorization = authorization;
  }

  async get(call: string, parameters: Readonly<Record<string, string>>): Promise<Answer> {
    return this.#send(`2.0/mlflow/${call}?${new URLSearchParams(parameters)}`, { method: "GET" }, CALL_MS);
  }

  async post(call: string, body: unknown): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    return this.#send(`2.0/mlflow/${call}`, { method: "POST", headers, body: JSON.stringify(body) }, CALL_MS);
  }

  /** Gives a file to the server's own artifact store. @param path - in it */
  async upload(path: string, source: FileSource): Promise<void> {
    const call = `2.0/mlflow-artifacts/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`;
    const headers = { "content-type": "application/octet-stream" };
    if ("text" in source)
      return void (await this.#send(call, { method: "PUT", headers, body: source.text }, UPLOAD_MS));
    const { size } = await stat(source.path);
    if (size === 0) return void (await this.#send(call, { method: "PUT", headers, body: "" }, UPLOAD_MS));
    const stream = createReadStream(source.path, { end: size - 1 }); // what is written meanwhile comes at the next time
    try {
      const body = Readable.toWeb(stream) as ReadableStream;
      const length = { "content-length": String(size) };
      await this.#send(call, { method: "PUT", headers: { ...headers, ...length }, body, duplex: "half" }, UPLOAD_MS);
    } finally {
      stream.destroy();
    }
  }

  /** Ends the call that is under way, and refuses others. */
  close(): void {
    this.#closing.abort();
  }

  async #send(call: string, init: RequestInit & { duplex?: "half" }, timeoutMs: number): Promise<Answer> {
    const authorization = this.#authorization === undefined ? {} : { authorization: this.#authorization };
    let status: number;
    let text: string;
    try {
      const response = await fetch(`${this.#address}/api/${call}`, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), ...authorization },
        redirect: "error", // to where nobody asked for
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)]),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw new LoggingError("LOGGING_TRACKER_UNREACHABLE", `no answer from MLflow: ${reasonOf(error)}`, {
        cause: error,
        help: "Is `mlflow server` running at that address?",
      });
    }
    const [path = call] = call.split("?");
    const answer = parse(text);
    if (status >= 200 && status < 300 && answer !== undefined) return answer;
    throw refusal(path, status, answer);
  }
}

/** An answer that says no. */
export class MlflowRefusal extends LoggingError {
  /** MLflow's own: `RESOURCE_DOES_NOT_EXIST` */
  readonly mlflowCode: string | undefined;

  constructor(message: string, mlflowCode: string | undefined, help: string | undefined) {
    super("LOGGING_TRACKER_REFUSED", message, help === undefined ? {} : { help });
    this.mlflowCode = mlflowCode;
  }
}

function refusal(path: string, status: number, answer: Answer | undefined): MlflowRefusal {
  if (status === 401 || status === 403) {
    const help = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.";
    return new MlflowRefusal(`MLflow does not let us in (${status} for ${path})`, undefined, help);
  }
  const code = typeof answer?.["error_code"] === "string" ? answer["error_code"] : undefined;
  if (answer === undefined || (status !== 200 && code === undefined)) {
    return new MlflowRefusal(
      `expected an answer of MLflow to ${path}, got ${status} with something else`,
      code,
      undefined,
    );
  }
  const said = redactText(String(answer["message"] ?? "")).slice(0, MESSAGE_LENGTH);
  return new MlflowRefusal(`MLflow refuses ${path}: ${code} (${status}): ${said}`, code, undefined);
}

function parse(text: string): Answer | undefined {
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Answer) : undefined;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "it took too long";
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return "code" in cause ? `${cause.code}` : cause.message;
}
