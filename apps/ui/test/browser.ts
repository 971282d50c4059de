/** A headless Chromium on the page, built from the sources of this clone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { startUi, type UiServer } from "../src/server.ts";

const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

export interface Browser extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly ui: UiServer;
  /** What the console of the page said in warning or error, and what its scripts threw. */
  readonly complaints: string[];
  /** Opens a view: what stands behind the `#`. */
  show(hash: string): Promise<void>;
}

export async function openBrowser(options: {
  readonly root: string;
  readonly sessions: string;
  readonly pageDirectory: string;
}): Promise<Browser> {
  const executablePath = process.env["CODEX_CHROMIUM"];
  if (executablePath === undefined) throw new Error("CODEX_CHROMIUM is not set: run `npm run test:page`");
  const ui = await startUi({ ...options, port: 0 });
  const profile = mkdtempSync(join(tmpdir(), "codex-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    ...{ executablePath, headless: true, args: FLAGS },
    ...{ viewport: { width: 1360, height: 850 }, colorScheme: "light", reducedMotion: "reduce", timezoneId: "UTC" },
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  page.on("console", (message) => {
    // The tests read canvases back, which Chromium advises on.
    if (message.type() !== "log" && !message.text().includes("willReadFrequently"))
      complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  return {
    ...{ page, context, ui, complaints },
    async show(hash) {
      await page.goto("about:blank"); // another hash alone would not load anew
      await page.goto(`${ui.url}${hash}`);
    },
    async [Symbol.asyncDispose]() {
      await context.close();
      await ui.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
