import type { IncomingMessage } from "node:http";
import type { Axis, RunList, SeriesRequest } from "./protocol.ts";
import type { RunStore } from "./run-store.ts";
import type { SessionFiles } from "./session-files.ts";

/** An answer other than the wanted one. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_RUNS = 1000;
const MAX_PAGE = 1000;

/**
 * The value that a path of the interface stands for, to be sent as JSON.
 * @throws {HttpRefusal} for a path, a run or a session that is not there, and for a request that says nothing sensible
 */
export async function answer(
  request: IncomingMessage,
  url: URL,
  store: RunStore,
  sessions: SessionFiles,
): Promise<unknown> {
  const [, , kind = "", id, part] = url.pathname.split("/").map(decoded);
  const method = kind === "series" ? "POST" : "GET";
  if (request.method !== method) throw new HttpRefusal(405, "METHOD", `expected ${method}`);
  const query = url.searchParams;
  const filter = { text: query.get("text") ?? "", role: query.get("role") ?? "", level: query.get("level") ?? "" };
  const range = { offset: whole(query, "offset", 0), limit: Math.min(MAX_PAGE, whole(query, "limit", 200)) };
  if (kind === "runs" && id === undefined) {
    await store.list();
    return { root: store.root, runs: store.runs().map((run) => run.summary()) } satisfies RunList;
  }
  if (kind === "runs" && id !== undefined) {
    const run = store.run(id);
    if (run === undefined) throw new HttpRefusal(404, "RUN_UNKNOWN", `there is no run ${id} in ${store.root}`);
    if (part === undefined) return await run.details();
    if (part === "config") return run.config().entries;
    if (part === "events") {
      await run.refresh();
      return run.events({ ...filter, ...range });
    }
  }
  if (kind === "metrics") return store.metricNames((query.get("runs") ?? "").split(",").slice(0, MAX_RUNS));
  if (kind === "series") return await store.series(toSeriesRequest(await readJson(request)));
  if (kind === "sessions" && id === undefined) return await sessions.list();
  if (kind === "session-search") return await sessions.search(filter);
  if (kind === "sessions" && id !== undefined && part === undefined) {
    const page = await sessions.page(id, filter, range);
    if (page === undefined) throw new HttpRefusal(404, "SESSION_UNKNOWN", `there is no session ${id}`);
    return page;
  }
  throw new HttpRefusal(404, "PATH_UNKNOWN", `there is no ${url.pathname}`);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpRefusal(400, "PATH_INVALID", "the path is not valid");
  }
}

function whole(query: URLSearchParams, name: string, otherwise: number): number {
  const value = Number(query.get(name) ?? otherwise);
  return Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  // A form of another site cannot send this type.
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) {
    throw new HttpRefusal(415, "BODY_INVALID", "expected a body of type application/json");
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new HttpRefusal(413, "BODY_INVALID", `expected at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below, together with JSON that is no object.
  }
  throw new HttpRefusal(400, "BODY_INVALID", "expected a JSON object");
}

function toSeriesRequest(body: Record<string, unknown>): SeriesRequest {
  const { runs, metric, source, axis, logX, from, to, width, smoothing } = body;
  const finite = (value: unknown): number | null =>
    typeof value === "number" && Number.isFinite(value) ? value : null;
  if (!Array.isArray(runs) || typeof metric !== "string") {
    throw new HttpRefusal(400, "BODY_INVALID", "expected runs and metric");
  }
  const axes: readonly unknown[] = ["step", "time", "clock"] satisfies Axis[];
  return {
    runs: runs.slice(0, MAX_RUNS).map(String),
    metric,
    source: source === "system" ? "system" : "metrics",
    axis: axes.includes(axis) ? (axis as Axis) : "step",
    logX: logX === true,
    from: finite(from),
    to: finite(to),
    width: Math.round(Math.min(4000, Math.max(20, finite(width) ?? 600))),
    smoothing: Math.min(0.9999, Math.max(0, finite(smoothing) ?? 0)),
  };
}
