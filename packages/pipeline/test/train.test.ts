import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadModel, saveModel } from "@codex/models";
import { loadConfiguration, planTraining, resume, train } from "@codex/pipeline";
import { loadTokenizer } from "@codex/tokenization";
import { collectEvents, readRecords, tinyConfiguration, tinyProject } from "./tiny-project.ts";

interface EventRecord {
  readonly event: string;
  readonly level: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const eventsOf = (runDirectory: string) => readRecords<EventRecord>(join(runDirectory, "events.ndjson"));

test("a run directory holds what the architecture page says", async () => {
  const directory = tinyProject();
  const { events, onEvent } = collectEvents();
  const outcome = await train(
    await tinyConfiguration(directory, "report.prompt=func", "report.generation.maxNewTokens=4"),
    {
      onEvent,
    },
  );
  expect(outcome).toMatchObject({
    stopReason: "completed",
    step: 5,
    runDirectory: join(directory, "runs", outcome.runId),
    checkpoint: join(directory, "runs", outcome.runId, "checkpoints", "step-00000005"),
    prompt: "func",
  });
  expect(outcome.completion).toMatch(/^func./s);
  expect(
    readdirSync(outcome.runDirectory)
      .filter((name) => !name.startsWith("."))
      .sort(),
  ).toEqual([
    "checkpoints",
    "config.yaml",
    "events.ndjson",
    "manifest.json",
    "metrics.csv",
    "metrics.ndjson",
    "overrides.txt",
    "system.ndjson",
    "tokenizer",
  ]);
  const manifest = JSON.parse(readFileSync(join(outcome.runDirectory, "manifest.json"), "utf8"));
  expect(manifest).toMatchObject({
    schema_version: 1,
    run_id: outcome.runId,
    seeds: { init: 42, data: 42, dropout: 42, sampling: 0 },
    data: [{ path: "train.txt", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    details: {
      device: { device: "wasm", deterministic: true, threads: expect.any(Number), version: expect.any(String) },
    },
  });
  expect(readFileSync(join(outcome.runDirectory, "overrides.txt"), "utf8").split("\n")[0]).toBe("report.prompt=func");
  // The saved configuration is complete: it composes to itself, without the files that it came from.
  const again = await loadConfiguration({ config: join(outcome.runDirectory, "config.yaml"), directory });
  expect(again.yaml).toBe(readFileSync(join(outcome.runDirectory, "config.yaml"), "utf8"));
  expect((await loadTokenizer(join(outcome.runDirectory, "tokenizer"))).vocabSize).toBe(257);
  expect(events.filter(({ type }) => type === "stage").map((event) => "stage" in event && event.stage)).toEqual([
    "device",
    "data",
    "tokenizer",
    "tokens",
    "model",
  ]);
  expect(eventsOf(outcome.runDirectory).map(({ event }) => event)).toEqual(
    expect.arrayContaining([
      "training.stage",
      "run.started",
      "training.evaluation",
      "training.checkpoint",
      "run.finished",
    ]),
  );
});

test("samples stand in events.ndjson as text", async () => {
  const directory = tinyProject();
  const overrides = ["training.sampleEverySteps=2", "report.prompt=func", "report.generation.maxNewTokens=3"];
  const { runDirectory } = await train(await tinyConfiguration(directory, ...overrides));
  const samples = eventsOf(runDirectory).filter(({ event }) => event === "training.sample");
  expect(samples.map(({ data }) => data["step"])).toEqual([2, 4]);
  for (const { data } of samples) expect(data["text"]).toMatch(/^func./s);
});

test("the seed decides the weights: the same twice, others with another seed", async () => {
  const directory = tinyProject();
  const weights = async (...overrides: string[]) => {
    const { checkpoint } = await train(await tinyConfiguration(directory, "training.maxSteps=1", ...overrides));
    return readFileSync(join(checkpoint!, "model.safetensors")).toString("base64");
  };
  const first = await weights();
  expect(await weights()).toBe(first);
  expect(await weights("seed=7")).not.toBe(first);
});

test("one batch can be learnt by heart", async () => {
  const directory = tinyProject();
  const overrides = [
    "training.overfitBatch=true",
    "training.maxSteps=60",
    "training.learningRate=0.05",
    "training.minLearningRate=0.05",
  ];
  const { runDirectory } = await train(
    await tinyConfiguration(
      directory,
      ...overrides,
      "training.evaluationEverySteps=0",
      "training.checkpointEverySteps=0",
    ),
  );
  const losses = readRecords<{ metric: string; value: number }>(join(runDirectory, "metrics.ndjson")).filter(
    ({ metric }) => metric === "loss",
  );
  expect(losses[0]!.value).toBeGreaterThan(5);
  expect(losses.at(-1)!.value).toBeLessThan(1);
});

test("an observer that throws breaks no stage of a run, and is told once", async () => {
  const directory = tinyProject();
  let calls = 0;
  const onEvent = () => {
    calls += 1;
    throw new Error("no more paper");
  };
  const { stopReason, runDirectory } = await train(await tinyConfiguration(directory), { onEvent });
  expect(stopReason).toBe("completed");
  expect(calls).toBeGreaterThan(10);
  const told = eventsOf(runDirectory).filter(({ event }) => event === "observer.failed");
  expect(told.map(({ data }) => data["message"])).toEqual([
    "an observer failed on the stage event: no more paper. Its later failures are not reported",
  ]);
});

test("an observer that rejects is no unhandled rejection", async () => {
  const directory = tinyProject();
  const onEvent = async () => Promise.reject(new Error("no more ink"));
  const { runDirectory } = await train(await tinyConfiguration(directory, "training.maxSteps=1"), { onEvent });
  expect(eventsOf(runDirectory).filter(({ event }) => event === "observer.failed")).toHaveLength(1);
});

test.each(["device", "data", "tokenizer", "tokens", "model"])(
  "an abort at the stage %s leaves no run behind",
  async (stage) => {
    const directory = tinyProject();
    const reason = { why: "the test" };
    const controller = new AbortController();
    const onEvent = (event: { type: string; stage?: string }) => {
      if (event.type === "stage" && event.stage === stage) controller.abort(reason);
    };
    const configuration = await tinyConfiguration(directory);
    await expect(train(configuration, { onEvent, signal: controller.signal })).rejects.toBe(reason);
    expect(existsSync(join(directory, "runs"))).toBe(false);
  },
);

test("an abort before the first step: the run says so, and there is no checkpoint", async () => {
  const directory = tinyProject();
  const controller = new AbortController();
  const onEvent = (event: { type: string }) => event.type === "run" && controller.abort();
  const outcome = await train(await tinyConfiguration(directory), { onEvent, signal: controller.signal });
  expect(outcome).toMatchObject({ stopReason: "signal", step: 0, checkpoint: undefined });
  expect(eventsOf(outcome.runDirectory).at(-1)).toMatchObject({
    event: "run.finished",
    data: { status: "interrupted" },
  });
  await expect(resume(outcome.runDirectory, { directory })).rejects.toMatchObject({
    code: "PIPELINE_NOTHING_TO_RESUME",
  });
});

test("the plan of a run is that of the run, and writes none", async () => {
  const directory = tinyProject();
  const plan = await planTraining(await tinyConfiguration(directory));
  expect(plan).toMatchObject({ device: "wasm", vocabSize: 257, steps: 5, tokensPerStep: 2 * 2 * 8 });
  expect(plan.parameters).toBe(257 * 8 + (8 * 8 + 8 * 4 * 2 + 8 * 8) + 3 * 8 * 12 + 2 * 8 + 8);
  expect(plan.lines.at(-1)).toBe("nothing was trained (--dry-run)");
  expect(existsSync(join(directory, "runs"))).toBe(false);
});

test("the n-gram baselines stand beside the model", async () => {
  const directory = tinyProject();
  const { bitsPerByte } = await train(
    await tinyConfiguration(directory, "report.baselines=[bigram,trigram]", "training.maxSteps=1"),
  );
  expect(bitsPerByte.map(({ name }) => name)).toEqual(["this model", "byte bigram", "byte trigram"]);
  const [model, bigram, trigram] = bitsPerByte.map((score) => score.bitsPerByte) as [number, number, number];
  expect(model).toBeGreaterThan(7); // one step from random weights
  expect(trigram).toBeLessThan(bigram);
  expect(bigram).toBeLessThan(3);
});

test("training starts from the weights of a folder, and goes on when the folder is gone", async () => {
  const directory = tinyProject();
  const first = await train(await tinyConfiguration(directory, "training.maxSteps=3"));
  const folder = join(directory, "downloaded");
  mkdirSync(folder);
  const model = await loadModel(first.checkpoint!);
  await saveModel(model, folder);
  model.dispose();
  const configuration = await tinyConfiguration(
    directory,
    "init.from=downloaded",
    "training.learningRate=1e-30",
    "training.minLearningRate=0",
  );
  const second = await train(configuration);
  const weights = (checkpoint: string) => readFileSync(join(checkpoint, "model.safetensors")).toString("base64");
  expect(weights(second.checkpoint!)).toBe(weights(first.checkpoint!));
  rmSync(folder, { recursive: true });
  await expect(resume(second.runDirectory, { directory })).resolves.toMatchObject({ step: 5 });
});

describe("what would fail at the end fails before the start", () => {
  test.each([
    [
      "report.prompt",
      ["report.prompt='longer than eight bytes'"],
      /report\.prompt: expected at most the model's context of 8 tokens, got 23/,
    ],
    [
      "report.baselines",
      ["report.baselines=[bigram]", "data.split.validation=0", "training.evaluationEverySteps=0"],
      /data\.split\.validation: report\.baselines expects held-out text/,
    ],
    [
      "training.evaluationEverySteps",
      ["data.split.validation=0"],
      /data\.split\.validation: training\.evaluationEverySteps expects held-out text/,
    ],
    [
      "data.sequenceLength",
      ["data.sequenceLength=8", "model.maxPositionEmbeddings=4"],
      /data\.sequenceLength: expected at most the model's context of 4, got 8/,
    ],
  ])("%s", async (_name, overrides, message) => {
    const directory = tinyProject();
    await expect(train(await tinyConfiguration(directory, ...overrides))).rejects.toMatchObject({
      code: "PIPELINE_CONFIG_INVALID",
      message: expect.stringMatching(message),
    });
    expect(existsSync(join(directory, "runs"))).toBe(false);
  });
});

test("a configuration is found by its path and by its name; what ships with Codex needs no file", async () => {
  const directory = tinyProject();
  mkdirSync(join(directory, "configs", "model"), { recursive: true });
  writeFileSync(
    join(directory, "configs", "model", "own.yaml"),
    "name: gpt2\nhiddenSize: 8\nnumHiddenLayers: 1\nnumAttentionHeads: 2\nmaxPositionEmbeddings: 8\n",
  );
  const own = await loadConfiguration({ config: "recipes/quickstart", directory, overrides: ["model=own"] });
  expect(own.value.model).toMatchObject({ name: "gpt2", hiddenSize: 8 });
  expect(own.value.data.name).toBe("typescript-lib");
  expect((await loadConfiguration({ config: "config", directory })).value.training.maxSteps).toBe(300);
});

test("a precision that the device lacks is refused before the data is read, and leaves nothing behind", async () => {
  const directory = tinyProject();
  rmSync(join(directory, "train.txt"));
  const refused = train(await tinyConfiguration(directory, "training.precision=bfloat16"));
  await expect(refused).rejects.toMatchObject({
    code: "TENSOR_PRECISION_ABSENT",
    message: "precision: expected float32 on the device wasm, which computes in nothing else, got bfloat16",
  });
  expect(existsSync(join(directory, "runs"))).toBe(false);
});
