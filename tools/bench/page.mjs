/**
 * How the page of @codex/ui does with many long runs: node tools/bench/page.mjs [--runs 100] [--points 100000]
 * Makes run directories in a folder for temporary files (about 230 bytes a point), serves them, and looks at them in a headless Chromium. The
 * packages must be built.
 */
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import { repository } from "../setup.mjs";
import { findChromium } from "../test-page.mjs";

const { values } = parseArgs({ options: { runs: { type: "string" }, points: { type: "string" } } });
const runs = Number(values.runs ?? 100);
const points = Number(values.points ?? 100_000);

const folder = mkdtempSync(join(tmpdir(), "codex-page-"));
const started = performance.now();
for (let run = 0; run < runs; run++) await makeRun(run);
console.log(`${runs} runs of ${points} points made in ${seconds(started)} s`);

const { startUi } = await import("../../apps/ui/dist/index.js");
const { chromium } = createRequire(join(repository, "apps", "ui", "package.json"))("playwright-core");
const ui = await startUi({ root: join(folder, "runs"), sessions: join(folder, "sessions"), port: 0 });
const context = await chromium.launchPersistentContext(join(folder, "profile"), {
  ...{
    executablePath: findChromium(),
    headless: true,
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
  },
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await context.newPage();
  let at = performance.now();
  await page.goto(`${ui.url}#/runs`);
  await page.getByText(name(0)).first().waitFor({ timeout: 600_000 });
  console.log(`list of runs: ${seconds(at)} s`);
  for (const shown of [10, runs]) {
    const ids = Array.from({ length: Math.min(shown, runs) }, (_, run) => name(run)).join(",");
    for (const visit of ["first", "second"]) {
      at = performance.now();
      await page.goto("about:blank");
      await page.goto(`${ui.url}#/curves?runs=${ids}`);
      await page.locator(".u-over").first().waitFor({ timeout: 600_000 });
      const drawn = seconds(at);
      await page.getByText(/^reading \d+ runs?$/).waitFor({ state: "detached", timeout: 600_000 });
      console.log(
        `curves of ${Math.min(shown, runs)} runs, ${visit} visit: ${drawn} s, with every point ${seconds(at)} s`,
      );
    }
  }
  const box = await page.locator(".u-over").first().boundingBox();
  const frames = await Promise.all([
    page.evaluate(
      () =>
        new Promise((resolve) => {
          const times = [];
          let last = performance.now();
          const frame = (now) => {
            times.push(now - last);
            last = now;
            if (times.length < 120) requestAnimationFrame(frame);
            else resolve(times.slice(5).sort((a, b) => a - b));
          };
          requestAnimationFrame(frame);
        }),
    ),
    (async () => {
      for (let step = 0; step < 60; step++)
        await page.mouse.move(box.x + (box.width * step) / 60, box.y + box.height / 2);
    })(),
  ]);
  const sorted = frames[0];
  console.log(
    `frames while the pointer moves over a chart: median ${sorted[sorted.length >> 1].toFixed(1)} ms, 95 % below ${sorted[Math.floor(sorted.length * 0.95)].toFixed(1)} ms`,
  );
  console.log(`memory of the server: ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
} finally {
  await context.close();
  await ui.close();
  rmSync(folder, { recursive: true, force: true });
}

function name(run) {
  return `run-${String(run).padStart(3, "0")}`;
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}

async function makeRun(run) {
  const directory = join(folder, "runs", name(run));
  mkdirSync(directory, { recursive: true });
  const created = Date.UTC(2026, 0, 1) + run * 3_600_000;
  writeFileSync(
    join(directory, "manifest.json"),
    JSON.stringify({
      schema_version: 1,
      run_id: name(run),
      created_at: new Date(created).toISOString(),
      command: [],
      seeds: {},
      git: null,
      packages: {},
      lockfile: null,
      machine: {},
      environment: {},
      data: [],
      details: {},
    }),
  );
  writeFileSync(join(directory, "config.yaml"), `seed: ${run}\ntraining: { learningRate: ${1e-4 * (run + 1)} }\n`);
  const file = createWriteStream(join(directory, "metrics.ndjson"));
  for (let from = 1; from <= points; from += 1000) {
    let text = "";
    for (let step = from; step < Math.min(points + 1, from + 1000); step++) {
      const value = 2 + 6 * Math.exp(-step / (points / 8)) + 0.2 * Math.sin(step * 12.9898 + run);
      const timestamp = new Date(created + step * 100).toISOString();
      text += `${JSON.stringify({ schema_version: 1, run_id: name(run), timestamp, step, split: "train", metric: "loss", value, dataset: "text", tags: {} })}\n`;
    }
    if (!file.write(text)) await new Promise((resolve) => file.once("drain", resolve));
  }
  file.end();
  await finished(file);
}
