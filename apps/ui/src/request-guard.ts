import type { IncomingMessage } from "node:http";

/**
 * Why a request is refused, if it is. The server listens on the loopback address only; what is left to fear is a browser that carries another
 * site's request here: by a script of that site (`Origin`, `Sec-Fetch-Site`), or by a name of that site that was made to point at this
 * machine (`Host`).
 */
export function refusalOf(request: IncomingMessage, port: number): string | undefined {
  const { host, origin } = request.headers;
  const own = new Set(["127.0.0.1", "localhost", "[::1]"].map((name) => `${name}:${port}`));
  if (host === undefined || !own.has(host.toLowerCase())) return "this page answers to 127.0.0.1 and localhost only";
  if (origin !== undefined && ![...own].some((name) => origin === `http://${name}`)) {
    return "another site may not read this page";
  }
  const site = request.headers["sec-fetch-site"];
  // A link from elsewhere may open the page, but nothing of another site may load its data.
  const isNavigation = request.headers["sec-fetch-mode"] === "navigate";
  if (site !== undefined && site !== "same-origin" && site !== "none" && !isNavigation) {
    return "another site may not read this page";
  }
  return undefined;
}

/** Nothing from elsewhere runs, loads or frames this page, whatever a run's files hold. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};
