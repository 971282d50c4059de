import type { ServerResponse } from "node:http";
import type { Change } from "./protocol.ts";
import type { RunStore } from "./run-store.ts";
import type { SessionFiles } from "./session-files.ts";

const POLL_MS = 1000;
/** Reading for curves goes on in slices, so that requests are answered in between. */
const READ_SLICE_MS = 150;
/** A run that did not change for so many looks is looked at only every so many. */
const IDLE_LOOKS = 10;
/** Comments keep a connection that says nothing from being closed on the way. */
const KEEP_ALIVE_MS = 20_000;

/**
 * Tells open pages what changed, by server-sent events. Files are looked at, not watched: that works on every file system, and costs three
 * `stat` a run and second. Nobody listening, nothing is done.
 */
export class Changes {
  readonly #store: RunStore;
  readonly #sessions: SessionFiles;
  readonly #listeners = new Set<ServerResponse>();
  readonly #idle = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #lookedAt = 0;
  #saidAt = 0;

  constructor(store: RunStore, sessions: SessionFiles) {
    this.#store = store;
    this.#sessions = sessions;
  }

  add(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write("retry: 1000\n\n: connected\n\n");
    this.#listeners.add(response);
    response.on("close", () => this.#listeners.delete(response));
    this.#schedule(0);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const response of this.#listeners) response.end();
    this.#listeners.clear();
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#listeners.size === 0) return;
    this.#timer = setTimeout(() => {
      void this.#look()
        .catch(() => false) // a folder that cannot be read now is looked at again
        .then((isReading) => {
          this.#timer = undefined;
          this.#schedule(isReading ? 0 : POLL_MS);
        });
    }, delayMs);
  }

  /** @returns whether there is more to read at once */
  async #look(): Promise<boolean> {
    const progressed = new Set(await this.#store.readOn(READ_SLICE_MS));
    const isReading = progressed.size > 0;
    const now = Date.now();
    if (isReading && now - this.#lookedAt < POLL_MS) {
      this.#tell({ runs: [...progressed], list: false, sessions: false });
      return true;
    }
    this.#lookedAt = now;
    const list = await this.#store.list();
    this.#looks++;
    for (const run of this.#store.runs()) {
      const idle = this.#idle.get(run.id) ?? 0;
      if (idle >= IDLE_LOOKS && (this.#looks + hashOf(run.id)) % IDLE_LOOKS !== 0) continue;
      const isNew = await run.refresh().catch(() => false);
      this.#idle.set(run.id, isNew ? 0 : idle + 1);
      if (isNew) progressed.add(run.id);
    }
    this.#tell({ runs: [...progressed], list, sessions: await this.#sessions.hasNews() });
    return isReading;
  }

  #tell(change: Change): void {
    const isNews = change.runs.length > 0 || change.list || change.sessions;
    if (!isNews && Date.now() - this.#saidAt < KEEP_ALIVE_MS) return;
    this.#saidAt = Date.now();
    const text = isNews ? `event: change\ndata: ${JSON.stringify(change)}\n\n` : ": still here\n\n";
    for (const response of this.#listeners) response.write(text);
  }
}

/** Spreads the looks at idle runs over time. */
function hashOf(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  return hash % IDLE_LOOKS;
}
