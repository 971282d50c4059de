import { fileURLToPath } from "node:url";
import { evaluateTokens, type Metric } from "@codex/metrics";
import * as registry from "@codex/metrics/registry";
import { metricContract } from "@codex/metrics/testing";
import { pluginContract, registryEntryContract } from "@codex/registry/testing";

const entries = Object.entries(registry as Record<string, { create: () => Metric; configSchema: object }>);

test("six metrics are registered", () => {
  expect(entries.map(([, { create }]) => create().name).sort()).toEqual([
    "bits_per_byte",
    "exact_match",
    "f1",
    "loss",
    "perplexity",
    "token_accuracy",
  ]);
});

test.each(pluginContract(fileURLToPath(new URL("..", import.meta.url))))("$name", ({ run }) => run());

describe.each(entries)("%s", (_, { create, configSchema }) => {
  test.each(registryEntryContract({ create, configSchema }))("$name", ({ run }) => run());
  test.each(metricContract({ create }))("$name", ({ run }) => run());
});

test("the contract finds a metric that takes the mean of the batches' means", async () => {
  const create = (): Metric => {
    let [sum, n] = [0, 0];
    return {
      name: "mean_of_means",
      kind: "token",
      update: ({ losses, targets }) => {
        const counted = Array.from(losses!).filter((_, i) => targets[i] !== -100);
        if (counted.length === 0) return;
        sum += counted.reduce((a, b) => a + b, 0) / counted.length;
        n++;
      },
      result: () => {
        if (n === 0) throw Object.assign(new Error("empty"), { code: "EMPTY" });
        return { value: sum / n, n: 1 };
      },
    };
  };
  const failed: string[] = [];
  for (const { name, run } of metricContract({ create })) await run().catch(() => failed.push(name));
  expect(failed).toEqual(["gives the same bits for every batch size"]);
});

test("the runner gives one result per metric, in order", async () => {
  const metrics = [registry.perplexity.create(), registry.tokenAccuracy.create()];
  const batches = [
    { targets: [1, -100], losses: [Math.log(2), 99], predictions: [1, 1] },
    { targets: [2], losses: [Math.log(8)], predictions: [3] },
  ];
  const results = await evaluateTokens(batches, metrics);
  expect(results.map(({ metric, n }) => [metric, n])).toEqual([
    ["perplexity", 2],
    ["token_accuracy", 2],
  ]);
  expect(results[0]!.value).toBeCloseTo(4, 12);
  expect(results[1]!.value).toBe(0.5);
});
