import { opentelemetry } from "@codex/logging/opentelemetry";
import { trackerContract } from "@codex/logging/testing";
import { registryEntryContract } from "@codex/registry/testing";
import { metrics, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const CONTEXT = { runId: "run", runDirectory: "", stateDirectory: "", mode: "live", onNotice: () => {} } as const;

test("without an SDK it is off, and says so; a replay has nothing to tell", async () => {
  await expect(opentelemetry.create({}, CONTEXT)).rejects.toMatchObject({
    code: "LOGGING_PACKAGE_MISSING",
    message: "no OpenTelemetry SDK is registered in this process",
  });
  await expect(opentelemetry.create({}, { ...CONTEXT, mode: "replay" })).rejects.toMatchObject({
    code: "LOGGING_REPLAY_UNSUITABLE",
  });
});

describe("with the SDK of OpenTelemetry", () => {
  const spans = new InMemorySpanExporter();
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e6 });
  const meters = new MeterProvider({ readers: [reader] });

  beforeAll(() => {
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
    metrics.setGlobalMeterProvider(meters);
  });
  afterAll(() => meters.shutdown());

  for (const { name, run } of registryEntryContract(opentelemetry)) test(name, run);
  for (const { name, run } of trackerContract(opentelemetry, { options: {} })) test(name, run);

  test("a run is a span with its samples, and gauges with the last values", async () => {
    spans.reset();
    await trackerContract(opentelemetry, { options: {} })[0]!.run();
    await meters.forceFlush();
    const [span] = spans.getFinishedSpans();
    expect(span).toMatchObject({
      name: "codex.train",
      attributes: {
        "codex.run.id": "contract-run",
        "codex.config.training.maxSteps": 2,
        "codex.run.status": "completed",
      },
    });
    expect(span!.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ["codex.sample", { "codex.step": 1, "codex.text": "a sample of step 1" }],
      ["codex.sample", { "codex.step": 2, "codex.text": "a sample of step 2" }],
    ]);
    const values = exporter
      .getMetrics()
      .at(-1)!
      .scopeMetrics.flatMap((scope) => scope.metrics)
      .map(({ descriptor, dataPoints }) => {
        // Those of the case that names a data set are of another series.
        const points = dataPoints.filter(({ attributes }) => attributes["codex.dataset"] === undefined);
        return [descriptor.name, points.at(-1)?.value];
      });
    expect(Object.fromEntries(values)).toMatchObject({ "codex.train.loss": 2, "codex.validation.loss": 2.5 });
  });
});
