/** The page as a person uses it. `npm run test:page` runs this in the system's Chromium; the suite of `npm test` has no browser. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import { buildPage } from "../build-page.mjs";
import { type Browser, openBrowser } from "./browser.ts";
import { append, at, eventLine, metricLine, temporaryFolder, writeRun, writeSession } from "./run-folder.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const STEPS = Array.from({ length: 2000 }, (_, i) => i + 1);

let folder: string;
let live: string;
let browser: Browser;

function metrics(run: string, floor: number): string {
  return STEPS.map(
    (step) =>
      metricLine(run, step, floor + 5 / Math.sqrt(step) + Math.sin(step * 7.3) * 0.2) +
      metricLine(run, step, 1e-3 * (1 - step / 2000), { metric: "learning_rate" }) +
      (step % 200 === 0 ? metricLine(run, step, floor + 0.5, { split: "validation" }) : ""),
  ).join("");
}

beforeAll(async () => {
  folder = temporaryFolder();
  const root = join(folder, "runs");
  const events = (run: string) =>
    eventLine(run, "training.evaluation", { step: 1000, lossNats: 3.5 }, 1000) +
    eventLine(run, "training.evaluation", { step: 2000, lossNats: 3.25 }, 2000) +
    eventLine(run, "training.sample", { step: 1000, text: "<b>once</b> upon" }, 1000) +
    eventLine(run, "TRAINING_WARMUP_UNFINISHED", { message: "the warmup is long" }, 1500, "warning") +
    eventLine(run, "run.finished", { status: "completed", step: 2000, completion: "the end" }, 2000);
  const config = (rate: number, name: string) =>
    `seed: 1\nmodel: { name: ${name} }\ntraining: { learningRate: ${rate} }\n`;
  writeRun(root, "alpha", { metrics: metrics("alpha", 1), events: events("alpha"), config: config(0.003, "llama") });
  writeRun(root, "beta", {
    metrics: metrics("beta", 2),
    events: events("beta"),
    config: config(0.001, "llama"),
    createdAt: at(-3600),
  });
  live = writeRun(root, "gamma", {
    metrics: metricLine("gamma", 1, 5),
    config: config(0.001, "gpt2"),
    createdAt: at(-7200),
  });
  writeSession(join(folder, "sessions"), "tune", [
    { message: "Which rate is best?" },
    { role: "assistant", message: "The rate of 3e-3 is best.", metadata: { tokens: 12 } },
    { role: "tool", level: "error", message: "disk is full" },
  ]);
  await buildPage(join(folder, "page"));
  browser = await openBrowser({ root, sessions: join(folder, "sessions"), pageDirectory: join(folder, "page") });
}, 60_000);

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
});

afterEach(() => {
  expect(browser.complaints.splice(0)).toEqual([]);
});

/** How many pixels of the first chart are not background, by colour: what was drawn. */
async function drawnColours(): Promise<Record<string, number>> {
  return await browser.page.evaluate(`(() => {
    const canvas = document.querySelector(".chart canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const counts = {};
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] < 250) continue;
      const colour = "#" + [data[i], data[i + 1], data[i + 2]].map((c) => c.toString(16).padStart(2, "0")).join("");
      counts[colour] = (counts[colour] ?? 0) + 1;
    }
    return counts;
  })()`);
}

/** The colour that the legend gives a run, as `#rrggbb`. */
async function colourOf(run: string): Promise<string> {
  const style = await browser.page.locator(".legend li", { hasText: run }).locator(".swatch").getAttribute("style");
  const [r, g, b] = style?.match(/\d+/g) ?? [];
  return `#${[r, g, b].map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Asks until the answer is right; a page has no moment at which it is done. */
async function eventually<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<void> {
  let answer = await ask();
  for (let i = 0; i < 200 && !isRight(answer); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer = await ask();
  }
  if (!isRight(answer)) throw new Error(`the page says ${JSON.stringify(answer)}`);
}

test("the list is searched, sorted and filtered, and what is chosen is compared", async () => {
  const { page } = browser;
  await browser.show("#/runs");
  const names = () => page.locator("tbody .col-name a").allTextContents();
  await page.locator("tbody tr").nth(2).waitFor();
  expect(await names()).toEqual(["alpha", "beta", "gamma"]); // the newest first
  await page.getByRole("button", { name: "Started" }).click();
  expect(await names()).toEqual(["gamma", "beta", "alpha"]);
  expect(await page.locator("th[aria-sort=ascending]").textContent()).toMatch(/Started/);
  await page.getByRole("searchbox", { name: "Search runs" }).fill("gpt2");
  expect(await names()).toEqual(["gamma"]);
  await page.getByRole("searchbox", { name: "Search runs" }).fill("");
  await page.getByRole("radio", { name: "Completed 2" }).check();
  expect((await names()).sort()).toEqual(["alpha", "beta"]);
  await page.getByLabel("Choose all shown runs").check();
  await page.getByRole("button", { name: "Compare 2 runs" }).click();
  await page.getByRole("heading", { name: "2 runs" }).waitFor();
  expect(page.url()).toMatch(/#\/curves\?runs=beta,alpha$/);
});

test("curves of two runs are drawn in their colours, and hidden with a click", async () => {
  const { page } = browser;
  await browser.show("#/curves?runs=alpha,beta");
  await page.locator(".chart canvas").first().waitFor();
  const [alpha, beta] = [await colourOf("alpha"), await colourOf("beta")];
  await eventually(
    async () => (await drawnColours())[alpha] ?? 0,
    (count) => count > 100,
  );
  expect((await drawnColours())[beta]).toBeGreaterThan(100);
  await page.getByRole("checkbox", { name: "beta" }).uncheck();
  await eventually(
    async () => (await drawnColours())[beta] ?? 0,
    (count) => count === 0,
  );
  expect((await drawnColours())[alpha]).toBeGreaterThan(100);
  expect(page.url()).toContain("hide=beta");
});

test("the pointer shows the values of each run, zooming shows every step", async () => {
  const { page } = browser;
  await browser.show("#/curves?runs=alpha,beta&smooth=0&charts=loss");
  const plot = page.locator(".u-over").first();
  await plot.waitFor();
  const box = (await plot.boundingBox()) as { x: number; y: number; width: number; height: number };
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const tooltip = page.locator(".tooltip");
  await tooltip.waitFor();
  const rows = await tooltip.locator("tr").allTextContents();
  expect(rows).toHaveLength(4); // two runs, training and held out
  expect(rows.join()).toMatch(/alpha train\d\.\d+/);
  expect(await tooltip.locator("tr.nearest").count()).toBe(1);
  await page.mouse.move(box.x + box.width * 0.5, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.55, box.y + 50, { steps: 5 });
  await page.mouse.up();
  await eventually(
    () => Promise.resolve(page.url()),
    (url) => /zoom=(9\d\d|100\d)(\.\d+)?\.\.1[01]\d\d(\.\d+)?$/.test(url),
  );
  await page.getByRole("button", { name: "Show all" }).click();
  expect(page.url()).not.toContain("zoom");
});

test("the hovered value of a step is the one in the file", async () => {
  const { page } = browser;
  await browser.show("#/curves?runs=gamma&smooth=0");
  const chart = page.getByRole("application");
  await chart.first().waitFor();
  await page.locator(".u-over").first().waitFor();
  await chart.first().focus();
  await page.keyboard.press("End");
  await eventually(
    () => page.locator(".tooltip").allTextContents(),
    ([text]) => /step 1gamma5$/.test(text ?? ""),
  );
});

test("a run that goes on is followed without a reload", async () => {
  const { page } = browser;
  await browser.show("#/curves?runs=gamma&smooth=0");
  const chart = page.getByRole("application").first();
  await eventually(
    async () => (await chart.getAttribute("aria-label")) ?? "",
    (text) => text.includes("train 5 at step 1"),
  );
  append(live, "metrics.ndjson", metricLine("gamma", 2, 4.5) + metricLine("gamma", 3, 4.25));
  await eventually(
    async () => (await chart.getAttribute("aria-label")) ?? "",
    (text) => text.includes("train 4.25 at step 3"),
  );
});

test("settings of the curves stand in the address, and a link shows the same", async () => {
  const { page } = browser;
  await browser.show("#/curves?runs=alpha");
  await page.getByRole("radio", { name: "Duration" }).check();
  await page.getByLabel("Log y").check();
  await page.getByRole("slider", { name: "Smoothing" }).fill("0.9");
  await eventually(
    () => Promise.resolve(page.url()),
    (url) => url.includes("x=time") && url.includes("log=y") && url.includes("smooth=0.9"),
  );
  const hash = new URL(page.url()).hash;
  await browser.show(hash);
  await page.locator(".chart canvas").first().waitFor();
  expect(await page.getByLabel("Log y").isChecked()).toBe(true);
  expect(await page.getByRole("slider", { name: "Smoothing" }).inputValue()).toBe("0.9");
});

test("of two configurations the differences are shown", async () => {
  const { page } = browser;
  await browser.show("#/config?runs=alpha,gamma");
  await page.getByText("2 of 3 keys differ").waitFor();
  expect(await page.locator("tbody tr").allTextContents()).toEqual([
    "model.namellamagpt2",
    "training.learningRate0.0030.001",
  ]);
  await page.getByLabel("Only differences").uncheck();
  expect(await page.locator("tbody tr").count()).toBe(3);
});

test("samples are text, whatever is in them", async () => {
  const { page } = browser;
  await browser.show("#/samples?runs=alpha");
  await page.locator(".samples pre").first().waitFor();
  expect(await page.locator(".samples pre").allTextContents()).toEqual(["the end", "<b>once</b> upon"]);
});

test("events are searched", async () => {
  const { page } = browser;
  await browser.show("#/events?runs=alpha");
  await page.getByText("5 events").waitFor();
  await page.getByRole("searchbox", { name: "Search events" }).fill("warmup");
  await page.getByText("1 of 5 events").waitFor();
  expect(await page.locator(".events mark").first().textContent()).toBe("WARMUP");
});

test("transcripts are read and searched", async () => {
  const { page } = browser;
  await browser.show("#/sessions");
  await page.getByRole("searchbox", { name: "Search all transcripts" }).fill("best rate");
  await page.getByText("2 messages").waitFor();
  await page.getByRole("link", { name: "Which rate is best?" }).first().click();
  await page.getByRole("heading", { name: "tune" }).waitFor();
  await page.getByRole("searchbox", { name: "Search this transcript" }).fill("");
  await page.getByText("disk is full").waitFor();
});

test("what is not there says so", async () => {
  const { page } = browser;
  await browser.show("#/curves?runs=nowhere");
  await page.getByRole("heading", { name: "This run is not here" }).waitFor();
  await browser.show("#/nothing");
  await page.getByRole("heading", { name: "There is no such view" }).waitFor();
  await browser.show("#/runs?q=zzz");
  await page.getByRole("heading", { name: "No run matches" }).waitFor();
});

const VIEWS = [
  ...[
    "#/runs",
    "#/curves?runs=alpha,beta",
    "#/values?runs=alpha,beta",
    "#/config?runs=alpha,gamma",
    "#/samples?runs=alpha,beta",
  ],
  ...[
    "#/checkpoints?runs=alpha",
    "#/events?runs=alpha",
    "#/origin?runs=alpha",
    "#/sessions?q=rate",
    "#/sessions/tune",
    "#/nothing",
  ],
];

describe.each(["light", "dark"] as const)("accessible, %s", (colorScheme) => {
  beforeAll(() => browser.page.emulateMedia({ colorScheme }));

  test.each(VIEWS)(
    "%s",
    async (hash) => {
      const { page } = browser;
      await browser.show(hash);
      await page.locator("main").waitFor();
      await eventually(
        () => page.locator(".skeleton").count(),
        (count) => count === 0,
      );
      await page.evaluate(AXE);
      const results = (await page.evaluate(
        "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
      )) as AxeResults;
      const found = results.violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
      );
      expect(found).toEqual([]);
      expect(results.passes.length).toBeGreaterThan(10);
    },
    60_000,
  );
});

test("everything is reached with the keyboard, and the focus is always seen", async () => {
  const { page } = browser;
  await page.emulateMedia({ colorScheme: "light" });
  await browser.show("#/curves?runs=alpha,beta");
  await page.locator(".chart canvas").nth(1).waitFor();
  const reached: string[] = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const here = (await page.evaluate(`(() => {
      const element = document.activeElement;
      if (element === null || element === document.body) return null;
      const style = getComputedStyle(element.matches(".segments input") ? element.nextElementSibling : element);
      const name = element.getAttribute("aria-label") ?? element.closest("label")?.textContent ?? element.textContent;
      return { name, outline: parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== "none" };
    })()`)) as { name: string; outline: boolean } | null;
    if (here === null) break;
    expect(here).toMatchObject({ outline: true });
    reached.push(here.name.trim());
  }
  const expected = [
    "Skip to the content",
    "Runs",
    "Sessions",
    "alpha",
    "Take out beta",
    "Search a run to add",
    "Configuration",
  ];
  const controls = ["Log y", "Filter charts by name", "Make larger: loss", /^loss\. alpha train/];
  for (const name of [...expected, ...controls]) {
    expect(reached).toContainEqual(typeof name === "string" ? name : expect.stringMatching(name));
  }
});

test("with the arrow keys one reads the values", async () => {
  const { page } = browser;
  await browser.show("#/curves?runs=alpha&smooth=0&charts=learning");
  await page.locator(".u-over").first().waitFor();
  await page.getByRole("application").first().focus();
  await page.keyboard.press("End");
  await page.locator(".tooltip").waitFor();
  const last = await page.locator(".tooltip strong").textContent();
  await page.keyboard.press("Shift+ArrowLeft");
  await eventually(
    () => page.locator(".tooltip strong").textContent(),
    (text) => text !== last,
  );
  await page.keyboard.press("+");
  await eventually(
    () => Promise.resolve(page.url()),
    (url) => url.includes("zoom="),
  );
  await page.keyboard.press("0");
  await eventually(
    () => Promise.resolve(page.url()),
    (url) => !url.includes("zoom="),
  );
});

test("a server that goes away is told, and the page goes on when it is back", async () => {
  const { page, context } = browser;
  await browser.show("#/runs");
  await page.getByText("Live", { exact: true }).waitFor();
  await context.setOffline(true);
  await page.evaluate("0");
  await browser.ui.close();
  await page.getByRole("alert").waitFor();
  expect(await page.getByText("Not connected").count()).toBe(1);
  await context.setOffline(false);
  browser.complaints.length = 0; // the refused connections, which the browser writes down by itself
});

test("nothing is asked of any other server", async () => {
  expect(
    (await browser.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")) as string[],
  ).toEqual(expect.not.arrayContaining([expect.stringMatching(/^(?!http:\/\/127\.0\.0\.1:)/)]));
});
