import { execFileSync } from "node:child_process";
import type { MetricValue } from "@codex/logging";
import { startSystemSampler } from "@codex/logging/system-metrics";
import { temporaryFolder } from "../temporary-folder.ts";

const byName = (values: readonly MetricValue[]) =>
  Object.fromEntries(values.map(({ metric, value }) => [metric, value]));

test("samples come at the interval, at the step of the run, and a last one at the end", async () => {
  const samples: (readonly MetricValue[])[] = [];
  let step = 7;
  let second!: () => void;
  const twoSamples = new Promise<void>((resolve) => {
    second = resolve;
  });
  const sampler = startSystemSampler({
    intervalSeconds: 0.5,
    currentStep: () => step++,
    sink: (values) => {
      if (samples.push(values) === 2) second();
    },
  });
  const keepAlive = setInterval(() => {}, 1000); // the sampler's own timer keeps no process alive
  await twoSamples;
  clearInterval(keepAlive);
  await sampler.stop();
  await sampler.stop();
  expect(samples.map((values) => values[0]?.step)).toEqual([7, 8, 9].slice(0, samples.length));
  const sample = byName(samples.at(-1)!);
  expect(sample["system/cpu_count"]).toBeGreaterThanOrEqual(1);
  expect(sample["system/process_rss_gb"]).toBeGreaterThan(0.01);
  expect(Object.values(sample).every(Number.isFinite)).toBe(true);
  expect(samples.at(-1)!.every(({ split }) => split === "train")).toBe(true);
});

test("the free space is what df says", async () => {
  const directory = temporaryFolder();
  await using sampler = startSystemSampler({ directory, sink: () => {} });
  const { disk_free_gb } = await sampler.sample();
  const available = Number(
    execFileSync("df", ["-Pk", directory], { encoding: "utf8" }).split("\n")[1]!.split(/\s+/)[3],
  );
  // Others write meanwhile.
  expect(Math.abs(disk_free_gb! - (available * 1024) / 1e9)).toBeLessThan(2);
});

test("work shows in the share of the process", async () => {
  await using sampler = startSystemSampler({ intervalSeconds: 60, sink: () => {} });
  const before = process.cpuUsage();
  let sum = 0;
  while (process.cpuUsage(before).user < 50_000) for (let at = 0; at < 1e5; at++) sum += Math.sqrt(at);
  expect(sum).toBeGreaterThan(0);
  expect((await sampler.sample()).process_cpu_percent).toBeGreaterThan(0);
});

test("a GPU that was asked for and is not there is told once, and the rest is sampled", async () => {
  const notices: string[] = [];
  let asked = 0;
  await using sampler = startSystemSampler({
    gpu: true,
    sink: () => {},
    onNotice: (message) => notices.push(message),
    readGpus: () => {
      asked++;
      return Promise.reject(Object.assign(new Error("spawn nvidia-smi ENOENT"), { code: "ENOENT" }));
    },
  });
  const first = await sampler.sample();
  const second = await sampler.sample();
  expect(asked).toBe(1);
  expect(notices).toEqual(["system metrics: no GPU is sampled: there is no nvidia-smi"]);
  expect(Object.keys({ ...first, ...second }).some((name) => name.startsWith("gpu"))).toBe(false);
  expect(second.mem_used_gb).toBeGreaterThan(0);
});

test("a sink that fails is told once and ends nothing", async () => {
  const notices: string[] = [];
  const sampler = startSystemSampler({
    intervalSeconds: 60,
    sink: () => Promise.reject(new Error("disk full")),
    onNotice: (message) => notices.push(message),
  });
  await sampler.stop();
  expect(notices).toEqual(["system metrics: a sample could not be written: disk full"]);
});

test.each([0, 0.49, -1, Number.NaN])("an interval of %p seconds is refused", (intervalSeconds) => {
  expect(() => startSystemSampler({ intervalSeconds, sink: () => {} })).toThrow(
    expect.objectContaining({ code: "LOGGING_RECORD_INVALID" }),
  );
});
