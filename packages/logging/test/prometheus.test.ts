import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openEventLog, openMetricLog, writeRunManifest } from "@codex/logging";
import { prometheus, serveRuns } from "@codex/logging/prometheus";
import { trackerContract } from "@codex/logging/testing";
import { registryEntryContract } from "@codex/registry/testing";
import { Histogram, toExposition } from "../src/prometheus/exposition.ts";
import { sampleManifest } from "./sample-manifest.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const CREATED = "2026-11-20T23:15:03.000Z";

/** A reader of the text format 0.0.4, strict: families in one piece, with HELP and TYPE, no sample twice. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const families = new Set<string>();
  let family = "";
  let type = "";
  expect(text === "" || text.endsWith("\n")).toBe(true);
  for (const line of text.split("\n").slice(0, -1)) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) .+$/.exec(line);
    if (help !== null) {
      family = help[1]!;
      expect(families.has(family)).toBe(false);
      families.add(family);
      continue;
    }
    const typed = /^# TYPE ([\w:]+) (counter|gauge|histogram)$/.exec(line);
    if (typed !== null) {
      expect(typed[1]).toBe(family);
      type = typed[2]!;
      continue;
    }
    const [, name, labels = "", value] =
      /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/.exec(line) ?? [];
    expect({ line, name: type === "histogram" ? name?.replace(/_(bucket|sum|count)$/, "") : name }).toEqual({
      line,
      name: family,
    });
    expect(samples.has(`${name}{${labels}}`)).toBe(false);
    samples.set(`${name}{${labels}}`, value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value));
  }
  return samples;
}

async function scrape(address: string): Promise<Map<string, number>> {
  const response = await fetch(address);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parse(await response.text());
}

async function addSteps(directory: string, runId: string, steps: readonly number[]): Promise<void> {
  await using log = await openMetricLog(directory, { runId });
  for (const step of steps) {
    const value = { step, split: "train", dataset: 'a "b" \\' } as const;
    await log.metric({ ...value, metric: "loss", value: 1 / step });
    await log.metric({ ...value, metric: "step_time_ms", value: 40 });
    await log.metric({ ...value, metric: "tokens_seen", value: 16 * step });
  }
}

test("text: escapes, and histograms that add up", () => {
  const histogram = new Histogram([1, 5]);
  expect(histogram.samples({})).toEqual([]);
  for (const value of [0.5, 1, 3, 100]) histogram.observe(value);
  const text = toExposition([
    {
      name: "a_seconds",
      type: "histogram",
      help: "Two\nlines \\ here.",
      samples: histogram.samples({ run: 'x"\n\\' }),
    },
    { name: "none", type: "gauge", help: "Nothing.", samples: [] },
  ]);
  expect(text).toBe(`# HELP a_seconds Two\\nlines \\\\ here.
# TYPE a_seconds histogram
a_seconds_bucket{run="x\\"\\n\\\\",le="1"} 2
a_seconds_bucket{run="x\\"\\n\\\\",le="5"} 3
a_seconds_bucket{run="x\\"\\n\\\\",le="+Inf"} 4
a_seconds_sum{run="x\\"\\n\\\\"} 104.5
a_seconds_count{run="x\\"\\n\\\\"} 4
`);
  expect(parse(text).size).toBe(5);
});

test("a folder of runs: the newest ones, and what they write between two scrapes", async () => {
  const root = temporaryFolder();
  const runs = ["one", "two", "three"].map((runId, index) => ({
    runId,
    directory: join(root, runId),
    createdAt: new Date(Date.parse(CREATED) + index * 1000).toISOString(),
  }));
  const { mkdirSync, writeFileSync } = await import("node:fs");
  for (const { runId, directory, createdAt } of runs) {
    mkdirSync(directory);
    await writeRunManifest(directory, { ...sampleManifest(runId), created_at: createdAt });
    await addSteps(directory, runId, [1, 2]);
  }
  mkdirSync(join(root, "no-run"));
  writeFileSync(join(root, "runs.db"), "");
  await using server = await serveRuns({ runsDirectory: root, port: 0, limit: 2 });
  expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  const first = await scrape(server.address);
  expect([...first.keys()].filter((key) => key.startsWith("codex_ml_training_loss"))).toEqual([
    'codex_ml_training_loss{run="three"}',
    'codex_ml_training_loss{run="two"}',
  ]);
  await addSteps(runs[2]!.directory, "three", [3, 4]);
  const events = await openEventLog(join(runs[2]!.directory, "events.ndjson"), { runId: "three" });
  await events.log("run.started");
  await events.log("run.finished", { status: "completed" });
  await events.close();
  const [second] = await Promise.all([scrape(server.address), scrape(server.address)]);
  expect(Object.fromEntries(second)).toMatchObject({
    'codex_ml_training_steps_total{run="three"}': 4,
    'codex_ml_training_tokens_total{run="three"}': 64,
    'codex_ml_training_loss{run="three"}': 0.25,
    'train_step_seconds_count{run="three"}': 4,
    'train_step_seconds_bucket{run="three",le="0.05"}': 4,
    'train_step_seconds_bucket{run="three",le="0.025"}': 0,
    'codex_ml_training_duration_seconds_count{run="three"}': 1,
    'codex_ml_training_steps_total{run="two"}': 2,
    'codex_ml_metric{run="two",split="train",metric="loss",dataset="a \\"b\\" \\\\"}': 0.5,
  });
});

test("a folder that is not there has no metrics; other paths and methods are refused", async () => {
  await using server = await serveRuns({ runsDirectory: join(temporaryFolder(), "none"), port: 0 });
  expect(await scrape(server.address)).toEqual(new Map());
  expect((await fetch(server.address.replace("metrics", ""))).status).toBe(404);
  expect((await fetch(server.address, { method: "POST" })).status).toBe(405);
});

describe("the tracker", () => {
  for (const { name, run } of registryEntryContract(prometheus)) test(name, run);
  for (const { name, run } of trackerContract(prometheus, { options: { port: 0 } })) test(name, run);

  test("is off where the port is in use, and for a replay", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const context = { runId: "run", runDirectory: "", stateDirectory: "", mode: "live", onNotice: () => {} } as const;
    await expect(prometheus.create({ port }, context)).rejects.toMatchObject({
      code: "LOGGING_ADDRESS_UNUSABLE",
      message: expect.stringContaining(`127.0.0.1:${port}: `),
    });
    await expect(prometheus.create({}, { ...context, mode: "replay" })).rejects.toMatchObject({
      code: "LOGGING_REPLAY_UNSUITABLE",
    });
    await new Promise((resolve) => other.close(resolve));
  });
});
