/** What the server knows, kept up to date: the list of runs, a counter for each run that changes, and requests. */
import { batch, type Signal, signal } from "@preact/signals";
import type { Change, Refusal, RunList, RunSummary } from "../src/protocol.ts";

export const runList = signal<RunList | null>(null);
/** Why there is no list, or no newer one. */
export const listProblem = signal<string | null>(null);
export type Connection = "connecting" | "live" | "lost";
export const connection = signal<Connection>("connecting");
export const sessionsVersion = signal(0);

const versions = new Map<string, Signal<number>>();

/** Counts the changes of a run; whoever reads it in a component or an effect comes again at the next one. */
export function runVersion(id: string): Signal<number> {
  let version = versions.get(id);
  if (version === undefined) {
    version = signal(0);
    versions.set(id, version);
  }
  return version;
}

export function runById(id: string): RunSummary | undefined {
  return runList.value?.runs.find((run) => run.id === id);
}

export class RequestError extends Error {}

async function answerOf<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  const refusal = (await response.json().catch(() => null)) as Refusal | null;
  throw new RequestError(refusal?.error.message ?? `the server answered ${response.status}`);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await answerOf<T>(await fetch(`/api/${path}`, signal === undefined ? {} : { signal }));
}

/** Browsers open six connections to a server; one of them brings the changes, and some stay free for clicks. */
const MAX_REQUESTS = 3;
let running = 0;
const waiting: (() => void)[] = [];

export async function post<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
  if (running >= MAX_REQUESTS) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    signal.throwIfAborted();
    const headers = { "content-type": "application/json" };
    return await answerOf<T>(
      await fetch(`/api/${path}`, { method: "POST", headers, body: JSON.stringify(body), signal }),
    );
  } finally {
    running--;
    waiting.shift()?.();
  }
}

let fetching: Promise<void> | undefined;
let isAskedAgain = false;

/** What is asked for while an answer is on its way is asked once more behind it. */
export async function refreshList(): Promise<void> {
  if (fetching !== undefined) {
    isAskedAgain = true;
    return await fetching;
  }
  fetching = fetchList();
  await fetching;
  fetching = undefined;
  if (isAskedAgain) {
    isAskedAgain = false;
    await refreshList();
  }
}

async function fetchList(): Promise<void> {
  try {
    runList.value = await get<RunList>("runs");
    listProblem.value = null;
  } catch (error) {
    listProblem.value = error instanceof RequestError ? error.message : "The server does not answer.";
  }
}

/** Many changes in a moment are one look at the list. */
const LIST_PAUSE_MS = 500;
let isListDue = false;

export function connect(): void {
  const source = new EventSource("/api/changes");
  source.addEventListener("open", () => {
    const wasLost = connection.value === "lost";
    connection.value = "live";
    if (!wasLost) return;
    batch(() => {
      for (const version of versions.values()) version.value++;
      sessionsVersion.value++;
    });
    void refreshList();
  });
  source.addEventListener("error", () => {
    connection.value = "lost";
  });
  source.addEventListener("change", ({ data }: MessageEvent<string>) => {
    const change = JSON.parse(data) as Change;
    batch(() => {
      for (const id of change.runs) runVersion(id).value++;
      if (change.sessions) sessionsVersion.value++;
    });
    if (change.runs.length > 0 || change.list) {
      if (isListDue) return;
      isListDue = true;
      setTimeout(() => {
        isListDue = false;
        void refreshList();
      }, LIST_PAUSE_MS);
    }
  });
  void refreshList();
}
