import {
  createLoss,
  evaluateTokens,
  type MetricRecord,
  metricCsvHeader,
  parseMetricCsv,
  parseMetricRecords,
  serializeMetricRecord,
  toMetricCsvRow,
  toMetricRecords,
} from "@codex/metrics";
import fc from "fast-check";

const record: MetricRecord = {
  schema_version: 1,
  run_id: "run-1",
  timestamp: "2026-11-20T10:00:00.000Z",
  step: 20,
  split: "validation",
  metric: "loss",
  value: 2.5,
  dataset: null,
  tags: { device: "wasm" },
};
const line =
  '{"schema_version":1,"run_id":"run-1","timestamp":"2026-11-20T10:00:00.000Z","step":20,"split":"validation","metric":"loss","value":2.5,"dataset":null,"tags":{"device":"wasm"}}\n';

const oneLine = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => !/[\r\n]/.test(text));
const anyRecord: fc.Arbitrary<MetricRecord> = fc.record({
  schema_version: fc.constant(1 as const),
  run_id: oneLine,
  timestamp: fc
    .date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString()),
  step: fc.option(fc.nat()),
  split: fc.constantFrom("train", "validation", "test"),
  metric: oneLine,
  value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0), // JSON has no -0
  dataset: fc.option(oneLine),
  tags: fc.dictionary(
    fc.string().filter((key) => key !== "__proto__"),
    fc.string({ unit: "binary" }),
  ),
});

test("a record is one line, its fields in one order", () => {
  expect(serializeMetricRecord(record)).toBe(line);
  const shuffled = Object.fromEntries(Object.entries(record).reverse()) as MetricRecord;
  expect(serializeMetricRecord(shuffled)).toBe(line);
  expect(metricCsvHeader).toBe("schema_version,run_id,timestamp,step,split,metric,value,dataset,tags");
  expect(toMetricCsvRow(record)).toBe(
    '1,run-1,2026-11-20T10:00:00.000Z,20,validation,loss,2.5,,"{""device"":""wasm""}"',
  );
});

test("records come back from NDJSON and from CSV", () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 4 }), (records) => {
      expect(parseMetricRecords(records.map(serializeMetricRecord).join(""))).toEqual(records);
      const csv = [metricCsvHeader, ...records.map(toMetricCsvRow)].map((row) => `${row}\n`).join("");
      expect(parseMetricCsv(csv)).toEqual(records);
    }),
    { seed: 6, numRuns: 200 },
  );
});

test("an unfinished last line is passed over, wherever it was cut", () => {
  for (let cut = 0; cut < line.length; cut++) expect(parseMetricRecords(line + line.slice(0, cut))).toEqual([record]);
  const csv = `${metricCsvHeader}\n${toMetricCsvRow(record)}\n`;
  for (let cut = metricCsvHeader.length + 1; cut < csv.length; cut++)
    expect(parseMetricCsv(csv.slice(0, cut))).toEqual([]);
  expect(parseMetricCsv("schema_ver")).toEqual([]);
});

test("a field that this version does not know is passed over", () => {
  const [read] = parseMetricRecords(`${JSON.stringify({ ...record, note: "x" })}\n`);
  expect(read).toMatchObject(record);
});

test("a newer schema is refused", () => {
  const newer = { ...record, schema_version: 2 };
  expect(() => parseMetricRecords(`${line}${JSON.stringify(newer)}\n`)).toThrow(
    expect.objectContaining({
      code: "METRICS_SCHEMA_NEWER",
      message: "line 2: schema_version: expected 1 or less, got 2",
    }),
  );
  const row = toMetricCsvRow(record).replace("1,", "2,");
  expect(() => parseMetricCsv(`${metricCsvHeader}\n${row}\n`)).toThrow(
    expect.objectContaining({ code: "METRICS_SCHEMA_NEWER" }),
  );
});

test.each<[string, object]>([
  ["value", { value: Number.NaN }],
  ["value", { value: Number.POSITIVE_INFINITY }],
  ["value", { value: null }],
  ["step", { step: -1 }],
  ["step", { step: 1.5 }],
  ["split", { split: "dev" }],
  ["timestamp", { timestamp: 1_700_000_000 }],
  ["timestamp", { timestamp: "2026-11-20T10:00:00+01:00" }],
  ["metric", { metric: "" }],
  ["run_id", { run_id: "a\nb" }],
  ["tags", { tags: { n: 3 } }],
  ["schema_version", { schema_version: 0 }],
])("%s of %j is refused, in and out", (field, change) => {
  const wrong = { ...record, ...change } as MetricRecord;
  const refused = expect.objectContaining({ code: "METRICS_RECORD_INVALID", message: expect.stringContaining(field) });
  expect(() => serializeMetricRecord(wrong)).toThrow(refused);
  expect(() => toMetricCsvRow(wrong)).toThrow(refused);
  expect(() => parseMetricRecords(`${JSON.stringify(wrong)}\n`)).toThrow(refused);
});

test.each([
  ["{}", "line 2"],
  ["nonsense", "line 2: expected JSON, got nonsense"],
  ["[]", "line 2"],
  ["null", "line 2"],
])("a finished line that is no record is an error: %s", (text, message) => {
  expect(() => parseMetricRecords(`${line}${text}\n`)).toThrow(
    expect.objectContaining({ code: "METRICS_RECORD_INVALID", message: expect.stringContaining(message) }),
  );
});

test.each([
  ["a,b\n", "line 1"],
  [`${metricCsvHeader}\n1,2,3\n`, "line 2: expected 9 fields"],
  [`${metricCsvHeader}\n${toMetricCsvRow(record)}"\n`, "line 2"],
  [`${metricCsvHeader}\n${toMetricCsvRow({ ...record, tags: {} }).replace("{}", "{")}\n`, "line 2: tags"],
  [`${metricCsvHeader}\n${toMetricCsvRow(record).replace("2.5", "")}\n`, "value"],
])("a table that is none is an error: %j", (text, message) => {
  expect(() => parseMetricCsv(text)).toThrow(
    expect.objectContaining({ code: "METRICS_RECORD_INVALID", message: expect.stringContaining(message) }),
  );
});

test("results of an evaluation become records, n with them", async () => {
  const results = await evaluateTokens([{ targets: [1, 2], losses: [1, 2] }], [createLoss()]);
  const { schema_version: _, metric: __, value: ___, ...context } = record;
  expect(toMetricRecords(results, context)).toEqual([{ ...record, value: 1.5, tags: { device: "wasm", n: "2" } }]);
  const [bare] = toMetricRecords(results, { run_id: "r", split: "test" });
  expect(bare).toMatchObject({ step: null, dataset: null, tags: { n: "2" } });
  expect(() => serializeMetricRecord(bare!)).not.toThrow();
});
