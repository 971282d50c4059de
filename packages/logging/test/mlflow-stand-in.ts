/** A server of this process that takes what MLflow 3.17 takes and refuses what it refuses; stricter where MLflow is patient: it counts what comes twice. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { posix } from "node:path";

export interface StandInRun {
  info: {
    run_id: string;
    run_name: string;
    status: string;
    start_time: number;
    end_time?: number;
    artifact_uri: string;
  };
  params: Map<string, string>;
  tags: Map<string, string>;
  metrics: { key: string; value: number; timestamp: number; step: number }[];
  deleted: boolean;
}

/** Of all calls together. */
interface Given {
  readonly run_id?: string;
  readonly experiment_id: string;
  readonly experiment_name: string;
  readonly name: string;
  readonly run_name: string;
  readonly start_time: number;
  readonly end_time?: number;
  readonly status: string;
  readonly filter: string;
  readonly metric_key: string;
  readonly page_token?: string;
  readonly metrics?: StandInRun["metrics"];
  readonly params?: readonly { key: string; value: string }[];
  readonly tags?: readonly { key: string; value: string }[];
}

export type Behaviour = "answers" | "drops the request" | "takes it and drops the answer" | "hangs";

export async function standIn() {
  const experiments = new Map<string, string>();
  const runs: StandInRun[] = [];
  const files = new Map<string, string>();
  const headers: IncomingMessage["headers"][] = [];
  const state = {
    behaviour: "answers" as Behaviour,
    /** Calls of that name alone behave so. */
    only: undefined as string | undefined,
    duplicates: 0,
    batches: 0,
    artifactRoot: "mlflow-artifacts:/",
  };

  const answer = (method: string, url: URL, body: string): [number, unknown] => {
    const refuse = (code: string, message: string, status = 400): [number, unknown] => [
      status,
      { error_code: code, message },
    ];
    const invalid = (message: string) => refuse("INVALID_PARAMETER_VALUE", message);
    const artifact = /^\/api\/2\.0\/mlflow-artifacts\/artifacts\/(.+)$/.exec(url.pathname)?.[1];
    if (artifact !== undefined && method === "PUT") {
      files.set(decodeURIComponent(artifact), body);
      return [200, {}];
    }
    const call = url.pathname.replace("/api/2.0/mlflow/", "");
    const given = (method === "POST" ? JSON.parse(body) : Object.fromEntries(url.searchParams)) as Given;
    const run = runs.find(({ info, deleted }) => info.run_id === given.run_id && !deleted);
    if (given.run_id !== undefined && run === undefined) return refuse("RESOURCE_DOES_NOT_EXIST", "no such run", 404);
    const shown = ({ info, params, tags, metrics }: StandInRun) => {
      const latest = new Map<string, StandInRun["metrics"][number]>();
      for (const metric of metrics) {
        const other = latest.get(metric.key);
        const later =
          other === undefined ||
          metric.step > other.step ||
          (metric.step === other.step && metric.timestamp > other.timestamp);
        if (later) latest.set(metric.key, metric);
      }
      const list = (map: Map<string, string>) => [...map].map(([key, value]) => ({ key, value }));
      return { info, data: { metrics: [...latest.values()], params: list(params), tags: list(tags) } };
    };
    switch (call) {
      case "experiments/get-by-name": {
        const id = experiments.get(given.experiment_name);
        if (id === undefined) return refuse("RESOURCE_DOES_NOT_EXIST", "no such experiment", 404);
        return [200, { experiment: { experiment_id: id, lifecycle_stage: "active" } }];
      }
      case "experiments/create":
        if (experiments.has(given.name)) return refuse("RESOURCE_ALREADY_EXISTS", "it is there");
        experiments.set(given.name, String(experiments.size + 1));
        return [200, { experiment_id: String(experiments.size) }];
      case "runs/create": {
        const id = `run${runs.length + 1}`;
        const tags = given.tags ?? [];
        const bad = tags.map(({ key, value }) => nameProblem(key) ?? lengthProblem(value, 8000)).find(Boolean);
        if (bad !== undefined) return invalid(bad);
        const made: StandInRun = {
          info: {
            run_id: id,
            run_name: given.run_name,
            status: "RUNNING",
            start_time: given.start_time,
            artifact_uri: `${state.artifactRoot}${given.experiment_id}/${id}/artifacts`,
          },
          params: new Map(),
          tags: new Map(tags.map(({ key, value }) => [key, value])),
          metrics: [],
          deleted: false,
        };
        runs.push(made);
        return [200, { run: shown(made) }];
      }
      case "runs/search": {
        const wanted = [...String(given.filter).matchAll(/tags\.`([^`]+)` = '([^']*)'/g)];
        const found = runs.filter(
          ({ tags, deleted }) => !deleted && wanted.every(([, key, value]) => tags.get(key as string) === value),
        );
        return [200, found.length === 0 ? {} : { runs: found.map(shown) }];
      }
      case "runs/delete":
        (run as StandInRun).deleted = true;
        return [200, {}];
      case "runs/update":
        Object.assign((run as StandInRun).info, { status: given.status, end_time: given.end_time });
        return [200, { run_info: run?.info }];
      case "metrics/get-history": {
        const all = (run as StandInRun).metrics.filter(({ key }) => key === given.metric_key);
        const [start, size] = [Number(given.page_token ?? 0), 3]; // small pages, so that they are turned
        const next = start + size < all.length ? { next_page_token: String(start + size) } : {};
        return [200, { metrics: all.slice(start, start + size), ...next }];
      }
      case "runs/log-batch": {
        state.batches += 1;
        if (body.length > 1_000_000) return invalid(`requests must be at most 1000000 bytes, got ${body.length}`);
        const { metrics = [], params = [], tags = [] } = given;
        if (metrics.length > 1000 || params.length > 100 || tags.length > 100) return invalid("too many");
        if (metrics.length + params.length + tags.length > 1000) return invalid("too many in all");
        const problem =
          metrics
            .map(({ key, value, timestamp, step }) =>
              [value, timestamp, step].every((number) => typeof number === "number") && timestamp >= 0
                ? nameProblem(key)
                : `${key} is no metric`,
            )
            .find(Boolean) ??
          params.map(({ key, value }) => nameProblem(key) ?? lengthProblem(value, 6000)).find(Boolean) ??
          tags.map(({ key, value }) => nameProblem(key) ?? lengthProblem(value, 8000)).find(Boolean);
        if (problem !== undefined) return invalid(problem);
        if (new Set(params.map(({ key }) => key)).size < params.length) return invalid("duplicate parameter keys");
        const stored = run as StandInRun;
        for (const { key, value } of params) {
          if ((stored.params.get(key) ?? value) !== value) return invalid("Changing param values is not allowed");
          stored.params.set(key, value);
        }
        for (const metric of metrics) {
          if (
            stored.metrics.some(
              (other) => other.key === metric.key && other.step === metric.step && other.timestamp === metric.timestamp,
            )
          )
            state.duplicates += 1;
          stored.metrics.push(metric);
        }
        return [200, {}];
      }
      default:
        return refuse("ENDPOINT_NOT_FOUND", call, 404);
    }
  };

  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      headers.push(request.headers);
      const concerned = state.only === undefined || request.url?.includes(state.only) === true;
      const behaviour = concerned ? state.behaviour : "answers";
      if (behaviour === "hangs") return;
      if (behaviour === "drops the request") return void request.socket.destroy();
      const url = new URL(request.url as string, "http://127.0.0.1");
      const [status, value] = answer(request.method as string, url, Buffer.concat(chunks).toString());
      if (behaviour !== "answers") return void request.socket.destroy();
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    });
  };
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    uri: `http://127.0.0.1:${port}`,
    experiments,
    runs,
    files,
    headers,
    state,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

function nameProblem(name: string): string | undefined {
  if (!/^[/\p{L}\p{N}_.\- :]*$/u.test(name)) return `bad characters in ${name}`;
  if (
    posix.normalize(name) !== name ||
    name === "." ||
    name.startsWith("..") ||
    name.startsWith("/") ||
    name.endsWith("/")
  )
    return `bad path ${name}`;
  return lengthProblem(name, 250);
}

function lengthProblem(text: unknown, limit: number): string | undefined {
  return typeof text === "string" && text.length <= limit
    ? undefined
    : `expected a text of at most ${limit} characters`;
}
