import { basename, join, resolve } from "node:path";
import { createCorpus, createEvaluationSource, createTextSource, tokenizeCorpus } from "@codex/data";
import { runPaths } from "@codex/logging";
import {
  type EvaluationRow,
  type Metric,
  type MetricRecord,
  metricCsvHeader,
  type NamedResult,
  serializeMetricRecord,
  toMetricCsvRow,
  toMetricRecords,
} from "@codex/metrics";
import type { Registries } from "@codex/registry";
import { makeDirectory, writeFileDurably } from "@codex/storage";
import type { Tokenizer } from "@codex/tokenization";
import type { HostBatch } from "@codex/training";
import { loadConfiguration } from "./configuration/load.ts";
import { PipelineError } from "./errors.ts";
import { answerRows, readRows, rowBatches } from "./evaluation-rows.ts";
import { type OpenedModel, openModel } from "./open-model.ts";
import { blamePlugins } from "./plugin-failure.ts";
import { openCorpus, tokenize } from "./prepare-data.ts";
import { openRegistries } from "./registries.ts";
import { scoreTokens } from "./score-tokens.ts";

export interface EvaluateRequest {
  /** A run, a checkpoint, or any Hugging Face model folder. */
  readonly checkpoint: string;
  /** A `.jsonl` file of `{ input, target }` rows, or a text file; default: the data of the run. */
  readonly data?: string;
  /** Of the run's data. Default: `validation`. */
  readonly split?: "train" | "validation" | "test";
  /** Registered names. Default: the token metrics, and for rows `exact_match` and `f1` too. */
  readonly metrics?: readonly string[];
  /** Rows per forward pass; does not change the results. Default: 8. */
  readonly batchSize?: number;
  /** Only the first rows. */
  readonly maxSamples?: number;
  /** Tokens that the model may answer a row with. Default: 64. */
  readonly maxNewTokens?: number;
  /** Where `metrics.ndjson` and `metrics.csv` go. Default: `runs/eval`. */
  readonly outputDir?: string;
  readonly device?: string;
  readonly directory?: string;
  /** Called with what a person must see, such as a damaged checkpoint that was passed over. */
  readonly onNotice?: (message: string) => void;
}

export interface EvaluateResult {
  /** Each carries `n`, what its value is over, as a tag. */
  readonly records: readonly MetricRecord[];
  /** What was written. */
  readonly files: readonly string[];
}

const TOKEN_METRICS = ["loss", "perplexity", "bits_per_byte", "token_accuracy"];
const TEXT_METRICS = ["exact_match", "f1"];

/**
 * Scores a model on held-out text or on rows, and writes the results as NDJSON and CSV.
 * @throws {PipelineError} `PIPELINE_CONFIG_INVALID` for a metric that the data cannot give
 */
export async function evaluate(request: EvaluateRequest): Promise<EvaluateResult> {
  const { directory = process.cwd(), split = "validation", outputDir = "runs/eval" } = request;
  const { registries } = await openRegistries(directory);
  const isRows = request.data !== undefined && /\.(jsonl|ndjson)(\.gz)?$/i.test(request.data);
  const names = request.metrics ?? (isRows ? [...TOKEN_METRICS, ...TEXT_METRICS] : TOKEN_METRICS);
  const metrics = await createMetrics(names, registries);
  const needsAnswers = metrics.filter(({ metric }) => metric.kind === "text");
  if (needsAnswers.length > 0 && !isRows) {
    throw new PipelineError(
      "PIPELINE_CONFIG_INVALID",
      `metric ${needsAnswers[0]?.name}: expected --data to be a .jsonl file of { "input", "target" } rows`,
      {
        help: `Metrics of plain text are: ${TOKEN_METRICS.join(", ")}.`,
      },
    );
  }
  await using opened = await openModel(request);
  const dataset = await scoreWhat(opened, isRows, request, metrics).catch((error: unknown) => {
    throw blamePlugins(
      error,
      registries,
      names.map((name) => ({ kind: "metrics", name })),
    );
  });

  const results: NamedResult[] = metrics.map(({ metric }) => ({ metric: metric.name, ...metric.result() }));
  const records = toMetricRecords(results, {
    run_id: opened.runDirectory === undefined ? basename(opened.modelDirectory) : basename(opened.runDirectory),
    split: request.data === undefined ? split : "test",
    dataset,
    tags: { checkpoint: basename(opened.modelDirectory) },
  });
  const folder = resolve(directory, outputDir);
  await makeDirectory(folder);
  await writeFileDurably(join(folder, "metrics.ndjson"), records.map(serializeMetricRecord).join(""));
  await writeFileDurably(join(folder, "metrics.csv"), [metricCsvHeader, ...records.map(toMetricCsvRow), ""].join("\n"));
  return { records, files: ["metrics.ndjson", "metrics.csv"].map((name) => join(outputDir, name)) };
}

function scoreWhat(
  opened: OpenedModel,
  isRows: boolean,
  request: EvaluateRequest,
  metrics: readonly NamedMetric[],
): Promise<string> {
  if (request.data === undefined) return scoreRun(opened, request.split ?? "validation", request, metrics);
  return isRows ? scoreRows(opened, request, metrics) : scoreText(opened, request, metrics);
}

interface NamedMetric {
  readonly name: string;
  readonly metric: Metric;
}

async function createMetrics(names: readonly string[], registries: Registries): Promise<NamedMetric[]> {
  const metrics: NamedMetric[] = [];
  for (const name of names)
    metrics.push({ name, metric: (await registries.of("metrics").resolve(name)).create({} as never) });
  return metrics;
}

function tokenMetrics(metrics: readonly NamedMetric[]) {
  return metrics.flatMap(({ metric }) => (metric.kind === "token" ? [metric] : []));
}

/** The split that the run held out (or trained on), cut into rows as the run cut it. */
async function scoreRun(
  opened: OpenedModel,
  split: "train" | "validation" | "test",
  request: EvaluateRequest,
  metrics: readonly NamedMetric[],
): Promise<string> {
  const { directory = process.cwd(), batchSize = 8, maxSamples } = request;
  if (opened.runDirectory === undefined) {
    throw new PipelineError(
      "PIPELINE_CONFIG_INVALID",
      `${request.checkpoint}: a model folder without a run has no data of its own`,
      {
        help: "Give --data a text file or a .jsonl file of rows.",
      },
    );
  }
  const { value: config, registries } = await loadConfiguration({
    config: runPaths(opened.runDirectory).config,
    directory,
  });
  const corpus = await openCorpus(config, registries, directory);
  const tokens = await tokenize(config, corpus, opened.tokenizer, { directory });
  try {
    const { sequenceLength, sampling } = config.data;
    const source = createEvaluationSource(tokens.splits[split], {
      sequenceLength,
      isolateDocuments: sampling.isolateDocuments,
    });
    await score(opened, source.batches(batchSize), metrics, maxSamples);
  } finally {
    tokens.close();
  }
  return config.data.name;
}

async function scoreText(
  opened: OpenedModel,
  request: EvaluateRequest,
  metrics: readonly NamedMetric[],
): Promise<string> {
  const { directory = process.cwd(), data = "", batchSize = 8, maxSamples } = request;
  const corpus = createCorpus(createTextSource({ path: data }, { directory }), {
    deduplicate: false,
    split: { kind: "contiguous", validation: 0 },
  });
  const tokens = await tokenizeCorpus(corpus, opened.tokenizer);
  try {
    const source = createEvaluationSource(tokens.splits.train, {
      sequenceLength: opened.model.config.maxPositionEmbeddings,
    });
    await score(opened, source.batches(batchSize), metrics, maxSamples);
  } finally {
    tokens.close();
  }
  return basename(data);
}

async function scoreRows(
  opened: OpenedModel,
  request: EvaluateRequest,
  metrics: readonly NamedMetric[],
): Promise<string> {
  const { directory = process.cwd(), data = "", batchSize = 8, maxSamples, maxNewTokens = 64 } = request;
  const rows = await readRows(resolve(directory, data), data, maxSamples);
  const ofTokens = tokenMetrics(metrics);
  if (ofTokens.length > 0) await score(opened, rowBatches(rows, opened, batchSize), metrics, undefined);
  const ofTexts = metrics.flatMap(({ metric }) => (metric.kind === "text" ? [metric] : []));
  if (ofTexts.length > 0) {
    const answered: EvaluationRow[] = await answerRows(rows, opened, maxNewTokens);
    for (const metric of ofTexts) metric.update(answered);
  }
  return basename(data);
}

/** Of exactly the first `maxSamples` rows, whatever the batch size. */
async function score(
  { model, tokenizer }: OpenedModel,
  batches: Iterable<HostBatch>,
  metrics: readonly NamedMetric[],
  maxSamples = Number.POSITIVE_INFINITY,
): Promise<void> {
  let left = maxSamples;
  for (const batch of batches) {
    if (left <= 0) return;
    const scored = await scoreTokens(model, batch.rows <= left ? batch : firstRows(batch, left, tokenizer));
    left -= batch.rows;
    for (const metric of tokenMetrics(metrics)) metric.update(scored);
  }
}

function firstRows(batch: HostBatch, rows: number, tokenizer: Tokenizer): HostBatch {
  const end = rows * batch.sequenceLength;
  const { documentIds, positionIds } = batch;
  const labels = batch.labels.slice(0, end);
  const bytesOf = (id: number): number => (id < 0 ? 0 : (tokenizer.tokenByteLength?.(id) ?? 0));
  return {
    rows,
    sequenceLength: batch.sequenceLength,
    inputIds: batch.inputIds.slice(0, end),
    labels,
    sampleIds: batch.sampleIds.slice(0, rows),
    ...(documentIds === undefined ? {} : { documentIds: documentIds.slice(0, end) }),
    ...(positionIds === undefined ? {} : { positionIds: positionIds.slice(0, end) }),
    ...(batch.byteCount === undefined ? {} : { byteCount: labels.reduce((sum, id) => sum + bytesOf(id), 0) }),
  };
}
