import { formatAgo, formatBytes, formatDuration, formatFixed, formatNumber, metricTitle } from "../page/format.ts";
import { groupMetrics } from "../page/metric-groups.ts";
import { at, START } from "./run-folder.ts";

test.each([
  [0, "0"],
  [3.1419, "3.142"],
  [0.0031, "0.0031"],
  [0.000003, "3e-6"],
  [-12.5, "-12.5"],
  [12345.6, "12,346"],
  [1_000_576, "1M"],
  [2.5e9, "2.5G"],
])("%d is %s", (value, text) => expect(formatNumber(value)).toBe(text));

test.each([
  [4.2, "4.2 s"],
  [59.6, "60 s"],
  [125, "2m 05s"],
  [3725, "1h 02m"],
  [200_000, "2d 07h"],
])("%d s is %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test("a column of losses has as many decimals in each row", () => {
  expect([3, 3.25, 2.123456, 123.456].map(formatFixed)).toEqual(["3.0000", "3.2500", "2.1235", "123.46"]);
});

test("sizes and times from now", () => {
  expect([512, 2048, 5e9].map(formatBytes)).toEqual(["512 B", "2.0 KiB", "4.7 GiB"]);
  expect([10, 300, 7200, 200_000].map((ago) => formatAgo(at(0), START + ago * 1000))).toEqual([
    "just now",
    "5 min ago",
    "2 h ago",
    "2 d ago",
  ]);
});

test("charts are grouped by the prefix of their names, what is looked at first stands first", () => {
  const metric = (name: string, source: "metrics" | "system" = "metrics") => ({
    metric: name,
    source,
    splits: [],
    runs: 1,
  });
  const groups = groupMetrics([
    metric("zeta"),
    metric("learning_rate"),
    metric("loss"),
    metric("layer.0.norm"),
    metric("cpu_percent", "system"),
    metric("system/gpu_percent", "system"),
  ]);
  expect(groups.map(({ name, metrics }) => [name, metrics.map((one) => one.metric)])).toEqual([
    ["Training", ["loss", "learning_rate", "zeta"]],
    ["Layer", ["layer.0.norm"]],
    ["System", ["cpu_percent", "system/gpu_percent"]],
  ]);
  expect(metricTitle("system/gpu_percent")).toBe("gpu percent");
});
