import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { evaluate, generate, type TrainOutcome, train } from "@codex/pipeline";
import { readRecords, tinyConfiguration, tinyProject } from "./tiny-project.ts";

let directory: string;
let run: TrainOutcome;

beforeAll(async () => {
  directory = tinyProject();
  // All of the held-out split, so that evaluating afterwards scores the same targets.
  run = await train(await tinyConfiguration(directory, "~training.evaluationBatches", "training.maxSteps=4"));
});

const valuesOf = (records: readonly { metric: string; value: number }[]) =>
  Object.fromEntries(records.map(({ metric, value }) => [metric, value]));

describe.each(["wasm", "cpu"])("on %s", (device) => {
  test("the same bits for every batch size, and n", async () => {
    const request = { checkpoint: run.runDirectory, directory, device };
    const results = [];
    for (const batchSize of [1, 2, 3, 8, 100]) {
      const { records } = await evaluate({ ...request, batchSize, outputDir: `eval-${batchSize}` });
      results.push(records.map(({ metric, value, tags }) => [metric, value, tags["n"]]));
    }
    for (const result of results) expect(result).toEqual(results[0]);
    expect(results[0]!.map(([metric]) => metric)).toEqual(["loss", "perplexity", "bits_per_byte", "token_accuracy"]);
  });

  test("the first samples only, exactly as many", async () => {
    const request = { checkpoint: run.runDirectory, directory, device, maxSamples: 5 };
    const results = [];
    for (const batchSize of [1, 2, 5, 8]) {
      const { records } = await evaluate({ ...request, batchSize, outputDir: `first-${batchSize}` });
      results.push(records.map(({ metric, value, tags }) => [metric, value, tags["n"]]));
    }
    for (const result of results) expect(result).toEqual(results[0]);
    expect(results[0]!.map(([, , n]) => n)).toEqual(["40", "40", "40", "40"]);
  });

  test("the validation loss that training measured", async () => {
    const { records } = await evaluate({ checkpoint: run.runDirectory, directory, device });
    const { loss, bits_per_byte: bits } = valuesOf(records) as Record<string, number>;
    expect(Math.abs(loss! - run.validationLossNats!)).toBeLessThan(1e-6);
    expect(Math.abs(bits! - run.bitsPerByte[0]!.bitsPerByte)).toBeLessThan(1e-5);
  });
});

test("the results are records and a table, of the checkpoint that was scored", async () => {
  const { records, files } = await evaluate({
    checkpoint: run.checkpoint!,
    directory,
    device: "wasm",
    metrics: ["loss"],
    outputDir: "scores",
  });
  expect(files).toEqual([join("scores", "metrics.ndjson"), join("scores", "metrics.csv")]);
  expect(readRecords(join(directory, files[0]!))).toEqual(records);
  expect(records).toEqual([
    expect.objectContaining({
      schema_version: 1,
      run_id: run.runId,
      split: "validation",
      metric: "loss",
      dataset: "text",
      tags: { checkpoint: "step-00000004", n: expect.stringMatching(/^\d+$/) },
    }),
  ]);
  expect(readFileSync(join(directory, files[1]!), "utf8").split("\n")[0]).toBe(
    "schema_version,run_id,timestamp,step,split,metric,value,dataset,tags",
  );
});

test("rows of input and target: the target's tokens are scored, and the model answers", async () => {
  const rows = [
    { input: "function f1(a)", target: " { return" },
    { input: "", target: "f" },
    { input: "a much longer input than the context of this model", target: "x" },
  ];
  writeFileSync(join(directory, "rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const request = { checkpoint: run.runDirectory, directory, data: "rows.jsonl", device: "wasm", maxNewTokens: 4 };
  const one = await evaluate({ ...request, batchSize: 1, outputDir: "a" }).catch((error: unknown) => error);
  // The first target has 9 bytes, more than the context of 8.
  expect(one).toMatchObject({
    code: "PIPELINE_FILE_INVALID",
    message: "rows.jsonl:1: the target has 9 tokens, the model's context 8",
  });
  writeFileSync(
    join(directory, "rows.jsonl"),
    rows.map((row) => `${JSON.stringify({ ...row, target: row.target.slice(0, 5) })}\n`).join(""),
  );
  const scores = [];
  for (const batchSize of [1, 3])
    scores.push(
      (await evaluate({ ...request, batchSize, outputDir: "b" })).records.map(({ metric, value, tags, split }) => ({
        metric,
        value,
        n: tags["n"],
        split,
      })),
    );
  expect(scores[1]).toEqual(scores[0]);
  const n = Object.fromEntries(scores[0]!.map((score) => [score.metric, score.n]));
  expect(n).toEqual({ loss: "7", perplexity: "7", bits_per_byte: "7", token_accuracy: "7", exact_match: "3", f1: "3" });
  expect(new Set(scores[0]!.map(({ split }) => split))).toEqual(new Set(["test"]));
});

test("a text file of its own", async () => {
  writeFileSync(join(directory, "other.txt"), "function f2(a) { return a; }\n");
  const { records } = await evaluate({
    checkpoint: run.runDirectory,
    directory,
    data: "other.txt",
    device: "wasm",
    outputDir: "c",
  });
  expect(records.map(({ metric, dataset }) => [metric, dataset])).toContainEqual(["loss", "other.txt"]);
});

test("a metric that plain text cannot give is refused, and nothing is written", async () => {
  await expect(
    evaluate({ checkpoint: run.runDirectory, directory, metrics: ["f1"], outputDir: "none" }),
  ).rejects.toMatchObject({
    code: "PIPELINE_CONFIG_INVALID",
    message: 'metric f1: expected --data to be a .jsonl file of { "input", "target" } rows',
  });
  expect(existsSync(join(directory, "none"))).toBe(false);
});

test("on a device without the run's precision a notice says what it computes in", async () => {
  const config = join(run.runDirectory, "config.yaml");
  const saved = readFileSync(config, "utf8");
  const request = { checkpoint: run.runDirectory, directory, device: "wasm", outputDir: "precision" };
  const evaluated = async () => {
    const notices: string[] = [];
    const { records } = await evaluate({ ...request, onNotice: (message) => notices.push(message) });
    return { values: valuesOf(records), notices };
  };
  const before = await evaluated();
  try {
    expect(saved).toContain("precision: float32");
    writeFileSync(config, saved.replace("precision: float32", "precision: bfloat16"));
    const notice = "the run was trained in bfloat16, which this device does not have: computing in float32";
    expect(await evaluated()).toEqual({ ...before, notices: [notice] });
  } finally {
    writeFileSync(config, saved);
  }
});

describe("generate", () => {
  const request = { prompt: "func", device: "wasm", maxNewTokens: 6, temperature: 1 };

  test("the pieces are the text, and the seed decides it", async () => {
    const pieces: string[] = [];
    const first = await generate({
      ...request,
      checkpoint: run.runDirectory,
      directory,
      seed: 3,
      onText: (text) => pieces.push(text),
    });
    expect(pieces.join("")).toBe(first.completion);
    expect(first.tokenIds.length).toBeGreaterThan(0);
    const same = await generate({ ...request, checkpoint: run.checkpoint!, directory, seed: 3 });
    expect(same).toEqual(first);
    const other = await generate({ ...request, checkpoint: run.runDirectory, directory, seed: 4 });
    expect(other.tokenIds).not.toEqual(first.tokenIds);
  });

  test("an abort ends it with what there is", async () => {
    const controller = new AbortController();
    controller.abort();
    const result = await generate({ ...request, checkpoint: run.runDirectory, directory, signal: controller.signal });
    expect(result).toMatchObject({ finishReason: "aborted", tokenIds: [], completion: "" });
  });
});
