import { metricContract } from "@codex/metrics/testing";
import { registryEntryContract } from "@codex/registry/testing";
import { createDistinctNgrams, distinctNgrams } from "@codex-examples/plugin-tiny";

const row = (prediction: string) => ({ target: "", prediction });

describe("the contract of registry entries", () => {
  for (const { name, run } of registryEntryContract(distinctNgrams)) test(name, run);
});

describe("the contract of metrics", () => {
  for (const { name, run } of metricContract({ create: () => createDistinctNgrams({ length: 1 }) })) test(name, run);
});

test.each([
  [1, ["a b a b"], 2 / 4, 4],
  [2, ["a b a b"], 2 / 3, 3],
  [2, ["a b", "a  b\n", "b a"], 2 / 3, 3], // over all rows together; white space does not count
  [2, ["a", "b", "a b"], 1, 1], // no pair across rows
  [3, ["a b c d"], 1, 2],
])("words of %d in %j: %d over %d", (length, predictions, value, n) => {
  const metric = createDistinctNgrams({ length });
  metric.update(predictions.map(row));
  expect(metric.result()).toEqual({ value, n });
});

test("too few words are an error, not a number", () => {
  const metric = createDistinctNgrams();
  metric.update([row("one")]);
  expect(() => metric.result()).toThrow(expect.objectContaining({ code: "METRICS_EMPTY" }));
});
