import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Configuration, type PipelineEvent, resume, type TrainOutcome, train } from "@codex/pipeline";
import { contentsOf, readRecords, temporaryFolder, tinyConfiguration, tinyProject } from "./tiny-project.ts";

interface Recorded {
  readonly step: number;
  readonly split: string;
  readonly metric: string;
  readonly value: number;
}

const TIMES = new Set(["tokens_per_second", "step_time_ms"]);

/** Everything that must be the same: the last checkpoint, and the metrics but for how long things took. */
function endOf(runDirectory: string) {
  const checkpoints = readdirSync(join(runDirectory, "checkpoints")).filter((name) => /^step-\d+$/.test(name));
  const last = join(runDirectory, "checkpoints", checkpoints.sort().at(-1) ?? "none");
  const bytes = (name: string) => readFileSync(join(last, name)).toString("base64");
  const records = readRecords<Recorded>(join(runDirectory, "metrics.ndjson"));
  const csv = readFileSync(join(runDirectory, "metrics.csv"), "utf8").trimEnd().split("\n").slice(1);
  return {
    last: checkpoints.at(-1),
    model: bytes("model.safetensors"),
    optimizer: bytes("optimizer.safetensors"),
    trainer: JSON.parse(bytes("trainer.json") && readFileSync(join(last, "trainer.json"), "utf8")),
    metrics: records.map(({ step, split, metric, value }) => [step, split, metric, TIMES.has(metric) ? "time" : value]),
    csv: csv.map((line) => line.split(",").slice(3, 6).join()),
  };
}

/** Aborts in the middle of the k-th forward pass for training, counted from 1. */
async function abortingAt(configuration: Configuration, k: number): Promise<AbortSignal> {
  const controller = new AbortController();
  const models = configuration.registries.of("models");
  const { configSchema, create } = await models.resolve("llama");
  let calls = 0;
  const counted = (options: never, context: Parameters<typeof create>[1]) => {
    const model = create(options, context);
    const loss = model.loss.bind(model);
    model.loss = (batch, lossContext) => {
      if (lossContext.training) calls += 1;
      if (calls === k) controller.abort("the test");
      return loss(batch, lossContext);
    };
    return model;
  };
  models.register("llama", { configSchema, create: counted }, { source: "@codex/test", override: true });
  return controller.signal;
}

describe.each(["wasm", "cpu"])("on %s", (device) => {
  let directory: string;
  let whole: TrainOutcome;

  beforeAll(async () => {
    directory = tinyProject();
    whole = await train(await tinyConfiguration(directory, `device=${device}`, "logging.runId=whole"));
  });

  test("every metric of every step is there once", () => {
    const { metrics, csv, last } = endOf(whole.runDirectory);
    expect(last).toBe("step-00000005");
    const keys = metrics.map(([step, split, metric]) => `${step},${split},${metric}`);
    expect(csv).toEqual(keys);
    expect(new Set(keys).size).toBe(keys.length);
    const of = (split: string, metric: string) =>
      metrics.filter((record) => record[1] === split && record[2] === metric).map(([step]) => step);
    expect(of("train", "loss")).toEqual([1, 2, 3, 4, 5]);
    expect(of("validation", "loss")).toEqual([2, 4, 5]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    "stopped in micro-batch %d of 10 and resumed: the same bytes",
    async (k) => {
      const configuration = await tinyConfiguration(directory, `device=${device}`, `logging.runId=stopped-${k}`);
      const stopped = await train(configuration, { signal: await abortingAt(configuration, k) });
      expect([stopped.stopReason, stopped.step]).toEqual(["signal", Math.ceil(k / 2)]);
      const resumed = await resume(stopped.runDirectory, { directory });
      expect([resumed.stopReason, resumed.step]).toEqual(["completed", 5]);
      expect(endOf(resumed.runDirectory)).toEqual(endOf(whole.runDirectory));
    },
  );

  test("stopped after every step: resumed four times", async () => {
    let at = (await tinyConfiguration(directory, `device=${device}`, "logging.runId=stop-and-go")) as Configuration;
    let outcome = await train(at, { signal: await abortingAt(at, 1) });
    for (let step = 2; step <= 5; step++) {
      at = await tinyConfiguration(directory, `device=${device}`, "logging.runId=stop-and-go");
      outcome = await train(at, { resumeFrom: outcome.runDirectory, signal: await abortingAt(at, 1) });
      expect(outcome.step).toBe(step);
    }
    const resumed = await resume(outcome.runDirectory, { directory });
    expect(resumed.stopReason).toBe("completed");
    expect(endOf(resumed.runDirectory)).toEqual(endOf(whole.runDirectory));
  });
});

describe("on wasm", () => {
  /** The run as a kill at that event would leave it. */
  function copyAt(name: string, isIt: (event: PipelineEvent) => boolean) {
    const copy = join(temporaryFolder(), name);
    let runDirectory = "";
    const onEvent = (event: PipelineEvent): void => {
      if (event.type === "run") runDirectory = event.directory;
      if (!isIt(event)) return;
      rmSync(copy, { recursive: true, force: true });
      cpSync(runDirectory, copy, { recursive: true });
      for (const file of readdirSync(copy)) if (file.startsWith(".lock")) rmSync(join(copy, file));
    };
    return { copy, onEvent };
  }

  test("an evaluation that was made on resuming, and lost by a kill, is in the metrics once", async () => {
    const directory = tinyProject();
    const whole = await train(await tinyConfiguration(directory));
    // Stopped in step 2, where an evaluation is due: it is not made, and the checkpoint says so.
    const configuration = await tinyConfiguration(directory);
    const stopped = await train(configuration, { signal: await abortingAt(configuration, 3) });
    expect(stopped.step).toBe(2);
    // Resumed, which makes it; killed in step 3, before the next checkpoint.
    const { copy, onEvent } = copyAt("killed", (event) => event.type === "step" && event.step === 3);
    await resume(stopped.runDirectory, { directory, onEvent });
    const lost = readRecords<Recorded>(join(copy, "metrics.ndjson")).filter(({ split }) => split === "validation");
    expect([...new Set(lost.map(({ step }) => step))]).toEqual([2]);
    cpSync(copy, join(directory, "runs", "killed"), { recursive: true });
    const resumed = await resume(join("runs", "killed"), { directory });
    expect(endOf(resumed.runDirectory)).toEqual(endOf(whole.runDirectory));
  });

  test("--resume takes the newest run; a named checkpoint sets the later ones aside", async () => {
    const directory = tinyProject();
    const configuration = await tinyConfiguration(directory, "checkpoints.keepLast=5");
    const whole = await train(configuration);
    const before = endOf(whole.runDirectory);
    const resumed = await train(configuration, {
      resumeFrom: join(whole.runDirectory, "checkpoints", "step-00000002"),
    });
    expect(resumed.runDirectory).toBe(whole.runDirectory);
    expect(endOf(resumed.runDirectory)).toEqual(before);
    expect(readdirSync(join(whole.runDirectory, "checkpoints")).sort()).toEqual([
      "best.json",
      "latest.json",
      "step-00000002",
      "step-00000004",
      "step-00000004.superseded",
      "step-00000005",
      "step-00000005.superseded",
    ]);
    const again = await train(configuration, { resumeFrom: "latest" });
    expect([again.runDirectory, again.step, again.stopReason]).toEqual([whole.runDirectory, 5, "completed"]);
    expect(endOf(again.runDirectory)).toEqual(before);
  });

  test("each difference of configuration and data is named, and goes through only when it is allowed", async () => {
    const directory = tinyProject();
    const { runDirectory } = await train(await tinyConfiguration(directory));
    const before = contentsOf(join(runDirectory, "checkpoints"));
    await expect(
      resume(runDirectory, { directory, overrides: ["training.learningRate=1e-2", "seed=7"] }),
    ).rejects.toMatchObject({
      code: "PIPELINE_DRIFT",
      message: expect.stringMatching(/seed: was 42, is 7; training\.learningRate: was 0\.001, is 0\.01\./),
    });
    cpSync(join(directory, "tiny.yaml"), join(directory, "train.txt"));
    await expect(resume(runDirectory, { directory })).rejects.toMatchObject({
      code: "PIPELINE_DRIFT",
      message: expect.stringMatching(/data file .*train\.txt: was "[0-9a-f]{64}", is "[0-9a-f]{64}"/),
    });
    expect(contentsOf(join(runDirectory, "checkpoints"))).toEqual(before);
  });

  test("a longer run needs the word, and then goes on", async () => {
    const directory = tinyProject();
    const { runDirectory } = await train(await tinyConfiguration(directory));
    const overrides = ["training.maxSteps=7"];
    await expect(resume(runDirectory, { directory, overrides })).rejects.toMatchObject({ code: "PIPELINE_DRIFT" });
    const resumed = await resume(runDirectory, { directory, overrides, allowDrift: true });
    expect([resumed.step, resumed.runDirectory]).toEqual([7, runDirectory]);
    expect(readFileSync(join(runDirectory, "config.yaml"), "utf8")).toContain("maxSteps: 7");
    const events = readRecords<{ event: string; data: { message?: string } }>(join(runDirectory, "events.ndjson"));
    expect(events).toContainEqual(
      expect.objectContaining({
        event: "drift.allowed",
        data: { code: "drift.allowed", message: "training.maxSteps: was 5, is 7" },
      }),
    );
  });

  test("keys that say where and how often, not what, may change", async () => {
    const directory = tinyProject();
    const { runDirectory } = await train(await tinyConfiguration(directory));
    const resumed = await resume(runDirectory, {
      directory,
      overrides: ["training.logEverySteps=2", "checkpoints.keepLast=3"],
    });
    expect(resumed.step).toBe(5);
  });
});
