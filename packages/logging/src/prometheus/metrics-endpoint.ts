import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { LoggingError } from "../errors.ts";
import { CONTENT_TYPE, type Family, toExposition } from "./exposition.ts";

export interface MetricsEndpoint extends AsyncDisposable {
  /** `http://127.0.0.1:8001/metrics` */
  readonly address: string;
  close(): Promise<void>;
}

export interface EndpointOptions {
  /** Default: 127.0.0.1, so that other machines do not see it. */
  readonly host?: string;
  /** 0 for one that is free. */
  readonly port: number;
  /** Called for each scrape. */
  readonly families: () => readonly Family[] | Promise<readonly Family[]>;
}

/**
 * Serves `/metrics` until it is closed; it keeps no process alive.
 * @throws {LoggingError} `LOGGING_ADDRESS_UNUSABLE`, for example for a port in use
 */
export async function serveMetrics({ host = "127.0.0.1", port, families }: EndpointOptions): Promise<MetricsEndpoint> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(path === "/metrics" ? 405 : 404, { "content-type": "text/plain" });
      response.end("The metrics are at /metrics.\n");
      return;
    }
    Promise.resolve()
      .then(families)
      .then(
        (found) => {
          response.writeHead(200, { "content-type": CONTENT_TYPE });
          response.end(request.method === "HEAD" ? undefined : toExposition(found));
        },
        (error: unknown) => {
          response.writeHead(500, { "content-type": "text/plain" });
          response.end(`${error instanceof Error ? error.message : String(error)}\n`);
        },
      );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new LoggingError(
          "LOGGING_ADDRESS_UNUSABLE",
          `${host}:${port}: expected an address to listen on, ${cause.code === "EADDRINUSE" ? "it is in use" : cause.message}`,
          { cause, help: "Choose another port, or 0 for one that is free." },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  server.unref();
  const { address, family, port: chosen } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  };
  return {
    address: `http://${family === "IPv6" ? `[${address}]` : address}:${chosen}/metrics`,
    close,
    [Symbol.asyncDispose]: close,
  };
}
