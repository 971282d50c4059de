import fc from "fast-check";
import { MetricLines, parseMetricLine } from "../src/metric-lines.ts";
import { metricLine, START } from "./run-folder.ts";

function parse(text: string): MetricLines {
  const lines = new MetricLines();
  expect(lines.lines(Buffer.from(text), 1)).toBe(text.split("\n").length - 1);
  return lines;
}

/** Every point as `[split, metric, dataset, step, time, value]`, in the order of each series. */
function points(lines: MetricLines): unknown[] {
  return [...lines.series.values()].flatMap(({ split, metric, dataset, length, step, time, value }) =>
    Array.from({ length }, (_, i) => [split, metric, dataset, step[i], time[i], value[i]]),
  );
}

test("lines of our writer, in turn, are read into series", () => {
  const steps = [1, 2, 3];
  const text = steps
    .map((step) => metricLine("a", step, 4 / step) + metricLine("a", step, 1e-7 * step, { metric: "learning_rate" }))
    .join("");
  const lines = parse(`${text}${metricLine("a", 3, -2.5, { split: "validation" })}`);
  expect([...lines.series.values()].map(({ split, metric, length }) => [split, metric, length])).toEqual([
    ["train", "loss", 3],
    ["train", "learning_rate", 3],
    ["validation", "loss", 1],
  ]);
  const [loss, rate] = [...lines.series.values()];
  expect(Array.from(loss?.value.slice(0, 3) ?? [])).toEqual([4, 2, 4 / 3]);
  expect(Array.from(rate?.value.slice(0, 3) ?? [])).toEqual([1e-7, 2e-7, 1e-7 * 3]);
  expect(loss?.time[2]).toBe(START + 3000);
  expect(lines.points).toBe(7);
});

test("the quick way and JSON.parse agree on any records", () => {
  const record = fc.record({
    run_id: fc.constantFrom("run", 'quo"te', "ümlaut"),
    step: fc.oneof(fc.nat(), fc.constant(null)),
    split: fc.constantFrom("train", "validation", "test", ""),
    metric: fc.constantFrom("loss", "perplexity", 'a"b', "größe", 'x,"value":3', "tab\t"),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    dataset: fc.constantFrom(null, "corpus", 'c,"d', "日本"),
    tags: fc.constantFrom({}, { kind: "throughput" }),
    timestamp: fc
      .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
      .map((date) => date.toISOString()),
  });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60 }), (records) => {
      const texts = records.map(({ run_id, timestamp, step, split, metric, value, dataset, tags }) =>
        JSON.stringify({ schema_version: 1, run_id, timestamp, step, split, metric, value, dataset, tags }),
      );
      const quick = parse(texts.map((text) => `${text}\n`).join(""));
      const expected = new MetricLines();
      for (const text of texts) {
        const one = parseMetricLine(text);
        if (one === undefined) throw new Error(`no record: ${text}`);
        const alone = new MetricLines();
        alone.lines(Buffer.from(`${text}\n`), 1); // the first line always goes the slow way
        for (const series of alone.series.values()) {
          const key = JSON.stringify([series.split, series.metric, series.dataset]);
          const into = expected.series.get(key) ?? series;
          if (into === series) expected.series.set(key, series);
          else into.push(one.step, one.time, one.value);
        }
      }
      expect(points(quick)).toEqual(points(expected));
      expect(quick.badLines).toBe(0);
    }),
    { numRuns: 200 },
  );
});

test.each([
  ["no JSON", "not json"],
  ["a list", "[1]"],
  ["null", "null"],
  ["another schema", metricLine("a", 1, 1).trim().replace('"schema_version":1', '"schema_version":9')],
  ["a value that is none", metricLine("a", 1, 1).trim().replace('"value":1', '"value":"NaN"')],
  [
    "an impossible time",
    metricLine("a", 1, 1)
      .trim()
      .replace(/T\d\d:/, "T99:"),
  ],
  ["a line cut in the middle", metricLine("a", 1, 1).slice(0, 70)],
])("%s is counted and passed over", (_, bad) => {
  const lines = parse(`${metricLine("a", 1, 1)}${metricLine("a", 2, 2)}${bad}\n${metricLine("a", 3, 3)}`);
  expect(lines).toMatchObject({ points: 3, badLines: 1, firstBadLine: 3 });
});

test("after a restart everything is as new", () => {
  const lines = parse(metricLine("a", 1, 1));
  lines.restart();
  expect(lines).toMatchObject({ points: 0, badLines: 0 });
  lines.lines(Buffer.from(metricLine("b", 7, 5)), 1);
  expect(points(lines)).toEqual([["train", "loss", "corpus", 7, START + 7000, 5]]);
});
