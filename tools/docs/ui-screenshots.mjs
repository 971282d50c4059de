/**
 * Makes docs/images/ui-*.png: node tools/docs/ui-screenshots.mjs [RUNS_FOLDER]
 * Without a folder it trains three small models first, some minutes each on two cores; the transcript is that of this script.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository, run, SetupError, setup } from "../setup.mjs";
import { findChromium } from "../test-page.mjs";

const RUNS = {
  "llama-lr3e-3": [],
  "llama-lr1e-2": ["training.learningRate=0.01"],
  "gpt2-lr1e-3": ["model=gpt2", "training.learningRate=0.001"],
};
const COMMON = [
  "training.sampleEverySteps=75",
  "training.evaluationEverySteps=50",
  "training.evaluationBatches=8",
  "report.baselines=[]",
];
const SIZE = { width: 1280, height: 800 };
const MAX_BYTES = 160_000;

const scratch = join(repository, ".cache", "ui-screenshots");
const sessions = join(scratch, "sessions");
let said = 0;

/** A line of the transcript, as @codex/logging/sessions has it. */
function say(type, role, message, metadata = {}, level = "info") {
  const line = {
    ...{
      schema_version: 1,
      id: `screenshots-${said++}`,
      session_id: "screenshots",
      timestamp: new Date().toISOString(),
    },
    ...{ type, role, level, message, metadata },
  };
  appendFileSync(join(sessions, "screenshots.ndjson"), `${JSON.stringify(line)}\n`);
}

function train(root) {
  const codex = join(repository, "apps", "cli", "bin", "codex.js");
  for (const [runId, overrides] of Object.entries(RUNS)) {
    const args = ["train", "--config", "configs/recipes/quickstart.yaml", ...COMMON, ...overrides];
    say(
      "event",
      "assistant",
      `Train ${runId}${overrides.length > 0 ? `: ${overrides.join(", ")}` : ", as the recipe has it"}.`,
    );
    const started = performance.now();
    const { status, stderr } = spawnSync(
      process.execPath,
      [codex, ...args, `logging.runsDirectory=${root}`, `logging.runId=${runId}`],
      { cwd: repository, encoding: "utf8", maxBuffer: 2 ** 26 },
    );
    if (status !== 0) throw new SetupError(`${runId} ended with exit code ${status}:\n${stderr.slice(-1000)}`);
    const result = stderr.split("\n").findLast((line) => line.includes("validation loss")) ?? "";
    say("event", "tool", `codex ${args.join(" ")}\n${result}`, {
      exit_code: status,
      duration_ms: Math.round(performance.now() - started),
    });
  }
}

await run(async () => {
  const executablePath = findChromium();
  if (executablePath === undefined)
    throw new SetupError("there is no Chromium: `npm run test:page -- --install` fetches Debian's");
  await setup();
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(sessions, { recursive: true });
  const root = process.argv[2] ?? join(scratch, "runs");
  say("session_start", "system", "", { command: "node tools/docs/ui-screenshots.mjs" });
  say("event", "user", "Which of three small models learns fastest? Train them, and take pictures of the page.");
  if (!existsSync(root)) train(root);
  const { startUi } = await import("../../apps/ui/dist/index.js");
  const ui = await startUi({ root, sessions, port: 0 });
  const { runs } = await (await fetch(`${ui.url}api/runs`)).json();
  const best = runs.toSorted((a, b) => (a.evaluations.at(-1)?.[1] ?? 1e9) - (b.evaluations.at(-1)?.[1] ?? 1e9))[0];
  say(
    "event",
    "assistant",
    `${best.id} is ahead: a held-out loss of ${best.evaluations.at(-1)?.[1].toFixed(4)} nats a token at step ${best.evaluations.at(-1)?.[0]}.`,
  );

  const { chromium } = createRequire(join(repository, "apps", "ui", "package.json"))("playwright-core");
  const profile = mkdtempSync(join(tmpdir(), "codex-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    ...{ executablePath, headless: true, viewport: SIZE, reducedMotion: "reduce" },
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
    const ids = [
      best.id,
      ...runs
        .map(({ id }) => id)
        .filter((id) => id !== best.id)
        .sort(),
    ].slice(0, 3);
    const picture = async (name, hash, { colorScheme = "light", prepare = async () => {} } = {}) => {
      await page.emulateMedia({ colorScheme });
      await page.goto("about:blank");
      await page.goto(ui.url + hash);
      await page.waitForLoadState("load");
      await page.waitForTimeout(1500);
      await prepare();
      const path = join(repository, "docs", "images", `ui-${name}.png`);
      await page.screenshot({ path });
      const { size } = statSync(path);
      console.log(`${path} ${size} bytes`);
      if (size > MAX_BYTES) throw new SetupError(`${path}: expected at most ${MAX_BYTES} bytes`);
    };
    const hover = async () => {
      const box = await page.locator(".u-over").first().boundingBox();
      await page.mouse.move(box.x + box.width * 0.62, box.y + box.height * 0.4);
      await page.waitForTimeout(300);
    };
    const compared = `#/curves?runs=${ids.join(",")}`;
    // Where the folder is on this machine is nobody's business.
    const hidePath = () =>
      page
        .locator("code")
        .first()
        .evaluate((node, text) => Object.assign(node, { textContent: text }), "runs");
    await picture("runs", "#/runs", { prepare: hidePath });
    await picture("compare", compared, { prepare: hover });
    await picture("compare-dark", compared, { colorScheme: "dark", prepare: hover });
    await picture("configuration", `#/config?runs=${ids.join(",")}`, { colorScheme: "dark" });
    await picture("samples", `#/samples?runs=${ids.slice(0, 2).join(",")}`);
    await picture("session", "#/sessions/screenshots");
  } finally {
    await context.close();
    await ui.close();
    rmSync(profile, { recursive: true, force: true });
  }
});
