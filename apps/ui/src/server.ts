import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { Changes } from "./changes.ts";
import { UiError } from "./errors.ts";
import { type PageFile, readPage } from "./page-files.ts";
import type { Refusal } from "./protocol.ts";
import { refusalOf, SECURITY_HEADERS } from "./request-guard.ts";
import { answer, HttpRefusal } from "./routes.ts";
import { RunStore } from "./run-store.ts";
import { SessionFiles } from "./session-files.ts";

export interface UiOptions {
  /** Folder of run directories, or one run directory. Default: `runs`. */
  readonly root?: string;
  /** Folder of session transcripts; it need not be there. Default: `CODEX_SESSION_LOG_DIR`, then `.codex/sessions`. */
  readonly sessions?: string;
  /** 0: any free one. Default: 6116, or any free one where that is taken. */
  readonly port?: number;
  /** The built page. Default: the one of this package. */
  readonly pageDirectory?: string;
}

export interface UiServer extends AsyncDisposable {
  /** Address of the page. */
  readonly url: string;
  readonly port: number;
  /** Resolves when no connection is left. */
  close(): Promise<void>;
}

export const DEFAULT_PORT = 6116;

/**
 * Serves the page over a folder of runs, on 127.0.0.1 only. It reads and never writes. The caller closes it, or uses `await using`.
 *
 * @throws {UiError} `UI_FOLDER_NOT_FOUND`, `UI_PORT_UNAVAILABLE`, `UI_PAGE_MISSING`
 */
export async function startUi(options: UiOptions = {}): Promise<UiServer> {
  const {
    root = "runs",
    sessions = process.env["CODEX_SESSION_LOG_DIR"] || ".codex/sessions",
    port,
    pageDirectory = fileURLToPath(new URL("../dist/page", import.meta.url)),
  } = options;
  const page = await readPage(pageDirectory);
  const store = new RunStore(root);
  await store.open();
  const files = new SessionFiles(sessions);
  const changes = new Changes(store, files);
  const server = createServer((request, response) => {
    void respond(request, response).catch(() => response.destroy());
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    const refusal = refusalOf(request, (server.address() as AddressInfo).port);
    if (refusal !== undefined) return sendRefusal(response, new HttpRefusal(403, "FORBIDDEN", refusal));
    try {
      const url = new URL(request.url ?? "/", "http://127.0.0.1");
      const isRead = request.method === "GET" || request.method === "HEAD";
      if (url.pathname === "/api/changes" && request.method === "GET") return changes.add(response);
      if (url.pathname.startsWith("/api/")) return sendJson(response, 200, await answer(request, url, store, files));
      const file = isRead ? page.get(url.pathname) : undefined;
      if (file === undefined) throw new HttpRefusal(404, "PATH_UNKNOWN", `there is no ${url.pathname}`);
      sendFile(request, response, file);
    } catch (error) {
      if (error instanceof HttpRefusal) return sendRefusal(response, error);
      const reason = error instanceof Error ? error.message : String(error);
      sendRefusal(response, new HttpRefusal(500, "FAILED", reason));
    }
  }

  await listen(server, port);
  const address = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    changes.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${address.port}/`,
    port: address.port,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listen(server: Server, port: number | undefined): Promise<void> {
  const once = (wanted: number): Promise<NodeJS.ErrnoException | undefined> =>
    new Promise((resolve) => {
      server.once("error", resolve);
      server.listen(wanted, "127.0.0.1", () => {
        server.off("error", resolve);
        resolve(undefined);
      });
    });
  let error = await once(port ?? DEFAULT_PORT);
  if (error !== undefined && port === undefined) error = await once(0);
  if (error === undefined) return;
  throw new UiError("UI_PORT_UNAVAILABLE", `port ${port}: expected one to listen on, got ${error.message}`, {
    cause: error,
    help: "Leave --port out to take any that is free.",
  });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response
    .writeHead(status, {
      "content-type": "application/json; charset=utf-8",
      "content-length": body.length,
      "cache-control": "no-store",
    })
    .end(body);
}

function sendRefusal(response: ServerResponse, { status, code, message }: HttpRefusal): void {
  if (response.headersSent) return void response.destroy();
  sendJson(response, status, { error: { code, message } } satisfies Refusal);
}

function sendFile(request: IncomingMessage, response: ServerResponse, { type, bytes }: PageFile): void {
  response.writeHead(200, { "content-type": type, "content-length": bytes.length, "cache-control": "no-cache" });
  response.end(request.method === "HEAD" ? undefined : bytes);
}
