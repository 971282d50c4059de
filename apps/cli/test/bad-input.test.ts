/** Section "Bad input": each ends with the exit code of its kind and one clear paragraph, with nothing lost or half-written. */
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { codex, contentsOf, expectRefused, project, projectWithPlugin, startCodex, TEXT } from "./harness.ts";

const TRAIN = ["train", "--config", "tiny.yaml"];

/** Runs what must be refused, and looks that the folder is as it was. */
async function refused(
  directory: string,
  args: readonly string[],
  expected: Parameters<typeof expectRefused>[1],
): Promise<string> {
  const before = contentsOf(directory);
  const paragraph = expectRefused(await codex(directory, ...args), expected);
  expect(contentsOf(directory)).toEqual(before);
  return paragraph;
}

describe("configuration", () => {
  test("unknown config key", async () => {
    const directory = project();
    await refused(directory, [...TRAIN, "training.learninRate=1"], {
      exitCode: 2,
      code: "CONFIG_VALIDATION_FAILED",
      says: ["override training.learninRate=1", "learningRate"],
    });
    writeFileSync(join(directory, "typo.yaml"), "defaults:\n  - /tiny\n  - _self_\ntraining:\n  maxStep: 3\n");
    await refused(directory, ["config", "validate", "typo.yaml"], {
      exitCode: 2,
      code: "CONFIG_VALIDATION_FAILED",
      says: [/typo\.yaml:5:\d+/, "training.maxStep", "maxSteps"],
    });
  });

  test("wrong type", async () => {
    await refused(project(), [...TRAIN, "training.batchSize=lots"], {
      exitCode: 2,
      code: "CONFIG_VALIDATION_FAILED",
      says: ["training.batchSize", "integer", '"lots"'],
    });
  });

  test("vocabulary smaller than 256", async () => {
    await refused(project(), [...TRAIN, "tokenizer=base", "tokenizer.vocabSize=100"], {
      exitCode: 2,
      code: "CONFIG_VALIDATION_FAILED",
      says: ["vocabSize", "256", "100"],
    });
    await refused(
      project(),
      ["tokenizer", "train", "--input", "train.txt", "--output", "tokenizer", "--vocab-size", "100"],
      { exitCode: 2, code: "CONFIG_VALIDATION_FAILED", says: ["vocabSize", "256", "100"] },
    );
  });

  test("hiddenSize not divisible by heads", async () => {
    await refused(project(), [...TRAIN, "model.hiddenSize=10", "model.numAttentionHeads=4"], {
      exitCode: 2,
      code: "MODEL_CONFIG_INVALID",
      says: ["hiddenSize", "10", "4"],
    });
  });

  test("device absent", async () => {
    await refused(project(), [...TRAIN, "--device", "tensorflow"], {
      exitCode: 4,
      code: "TENSOR_DEVICE_ABSENT",
      says: ["tensorflow", /install|setup/],
    });
  });
});

describe("data", () => {
  const cases: [
    name: string,
    files: Record<string, string | Uint8Array>,
    overrides: string[],
    code: string,
    says: (string | RegExp)[],
  ][] = [
    ["missing file", {}, ["data.path=absent.txt"], "DATA_FILE_NOT_FOUND", ["absent.txt", "no such file"]],
    [
      "binary file as text",
      { "data.txt": Uint8Array.from({ length: 64 }, (_, i) => (i * 37) % 256) },
      ["data.path=data.txt"],
      "DATA_BINARY_FILE",
      ["data.txt"],
    ],
    [
      "malformed JSONL row",
      { "rows.jsonl": `{"text":"${"good ".repeat(40)}"}\n{"text": oops}\n` },
      ["data.path=rows.jsonl"],
      "DATA_ROW_INVALID",
      ["rows.jsonl:2", "JSON"],
    ],
    [
      "malformed CSV row",
      { "rows.csv": 'text,label\ngood,1\n"never closed,2\n' },
      ["data.path=rows.csv"],
      "DATA_ROW_INVALID",
      [/rows\.csv:3/],
    ],
    [
      "truncated gzip",
      { "train.txt.gz": gzipSync(TEXT).subarray(0, 120) },
      ["data.path=train.txt.gz"],
      "DATA_GZIP_INVALID",
      ["train.txt.gz"],
    ],
    ["empty corpus", { "empty.txt": "" }, ["data.path=empty.txt"], "DATA_EMPTY", ["empty"]],
    [
      "corpus shorter than one row",
      { "short.txt": "abcd" },
      ["data.path=short.txt", "data.sequenceLength=128", "data.split.validation=0", "training.evaluationEverySteps=0"],
      "DATA_TOO_SHORT",
      [/128|129/],
    ],
    [
      "empty validation split",
      { "one.txt": TEXT },
      ["data.path=one.txt", "data.split.kind=hash"],
      "DATA_SPLIT_EMPTY",
      ["validation split is empty"],
    ],
  ];
  test.each(cases)("%s", async (_name, files, overrides, code, says) => {
    await refused(project(files), [...TRAIN, ...overrides], { exitCode: 3, code, says });
  });

  test("missing files elsewhere: configuration, checkpoint, prompt, run, rows", async () => {
    const directory = project();
    await refused(directory, ["train", "--config", "absent.yaml"], {
      exitCode: 2,
      code: "CONFIG_NOT_FOUND",
      says: ["absent"],
    });
    await refused(directory, ["generate", "--checkpoint", "absent", "--prompt", "x"], {
      exitCode: 3,
      code: "PIPELINE_FILE_NOT_FOUND",
      says: ["absent", "codex runs list"],
    });
    await refused(directory, ["generate", "--checkpoint", "absent", "--prompt-file", "p.txt"], {
      exitCode: 3,
      code: "PIPELINE_FILE_NOT_FOUND",
      says: ["p.txt"],
    });
    await refused(directory, ["evaluate", "--checkpoint", "absent"], {
      exitCode: 3,
      code: "PIPELINE_FILE_NOT_FOUND",
      says: ["absent"],
    });
    await refused(directory, ["resume", "absent"], {
      exitCode: 3,
      code: "PIPELINE_RUN_NOT_FOUND",
      says: ["absent", "codex runs list"],
    });
    await refused(directory, [...TRAIN, "--resume"], {
      exitCode: 3,
      code: "PIPELINE_NOTHING_TO_RESUME",
      says: ["runs: expected a run with a checkpoint"],
    });
    await refused(directory, ["runs", "show", "absent"], {
      exitCode: 3,
      code: "PIPELINE_RUN_NOT_FOUND",
      says: ["absent"],
    });
    await refused(directory, ["tokenizer", "inspect", "absent"], {
      exitCode: 3,
      code: "TOKENIZER_FILE_MISSING",
      says: ["absent"],
    });
  });
});

describe("a trained run", () => {
  const directory = project();
  const checkpoints = join(directory, "runs", "run", "checkpoints");
  const newest = join(checkpoints, "step-00000004");
  const named = "runs/run/checkpoints/step-00000004";
  let whole: string;

  beforeAll(async () => {
    expect(await codex(directory, ...TRAIN)).toMatchObject({ exitCode: 0 });
    whole = project();
    cpSync(directory, whole, { recursive: true });
  });

  /** The run as it was trained, in a folder of its own with its checkpoints changed. */
  function changed(change: (path: (name: string) => string, folder: string) => void): string {
    const copy = project();
    cpSync(directory, copy, { recursive: true });
    change((name) => join(copy, named, name), copy);
    return copy;
  }

  const NAMED: readonly (readonly string[])[] = [
    [...TRAIN, "--resume-from", named],
    ["resume", named],
    ["generate", "--checkpoint", named, "--prompt", "f"],
    ["evaluate", "--checkpoint", named],
  ];

  test("a named checkpoint that is truncated", async () => {
    const copy = changed((path) => truncateSync(path("model.safetensors"), 1000));
    for (const args of NAMED)
      await refused(copy, args, {
        exitCode: 3,
        code: "CHECKPOINT_CORRUPT",
        says: [`${named}/model.safetensors: expected`, "found 1000"],
      });
  });

  test("a named checkpoint that is bit-flipped", async () => {
    const copy = changed((path) => {
      const bytes = readFileSync(path("optimizer.safetensors"));
      bytes[bytes.length - 5]! ^= 4;
      writeFileSync(path("optimizer.safetensors"), bytes);
    });
    for (const args of NAMED)
      await refused(copy, args, {
        exitCode: 3,
        code: "CHECKPOINT_CORRUPT",
        says: [`${named}/optimizer.safetensors: expected SHA-256`, "found"],
      });
  });

  test("a named checkpoint of another shape", async () => {
    const says = [
      `${named}/model.safetensors: `,
      "model.embed_tokens.weight: expected [257,16], found [257,8]",
      "vocabulary, width, layers",
    ];
    await refused(directory, ["resume", named, "--allow-drift", "model.hiddenSize=16"], {
      exitCode: 3,
      code: "CHECKPOINT_SHAPE_MISMATCH",
      says,
    });
  });

  test("a named checkpoint of a newer schema", async () => {
    const copy = changed((path) => {
      const { sha256: _, ...body } = JSON.parse(readFileSync(path("manifest.json"), "utf8"));
      const newer = { ...body, schema_version: 99 };
      const sha256 = createHash("sha256").update(JSON.stringify(newer)).digest("hex");
      writeFileSync(path("manifest.json"), `${JSON.stringify({ ...newer, sha256 }, null, 2)}\n`);
    });
    const says = [`${named}/manifest.json: schema_version: expected 1, found 99`, "later version of Codex"];
    for (const args of NAMED) await refused(copy, args, { exitCode: 3, code: "CHECKPOINT_SCHEMA_UNSUPPORTED", says });
  });

  test("no valid checkpoint at all", async () => {
    const copy = changed((_path, folder) => {
      for (const step of ["step-00000002", "step-00000004"])
        truncateSync(join(folder, "runs/run/checkpoints", step, "trainer.json"), 3);
    });
    const says = ["runs/run/checkpoints", "all 2 are damaged", "step-00000002/trainer.json", "init.from"];
    for (const args of [
      [...TRAIN, "--resume"],
      ["resume", "runs/run"],
      ["generate", "--checkpoint", "runs/run", "--prompt", "f"],
      ["evaluate", "--checkpoint", "runs/run"],
    ]) {
      await refused(copy, args, { exitCode: 3, code: "CHECKPOINT_NONE_VALID", says });
    }
  });

  test("a damaged newest checkpoint among valid ones is a loud fallback, and ends with the same bytes", async () => {
    const copy = changed((path) => truncateSync(path("model.safetensors"), 1000));
    const generated = await codex(
      copy,
      "generate",
      "--checkpoint",
      "runs/run",
      "--prompt",
      "f",
      "--max-new-tokens",
      "2",
    );
    expect(generated).toMatchObject({ exitCode: 0 });
    expect(generated.err).toMatch(
      /^warning: the newest checkpoint is damaged: runs\/run\/checkpoints\/step-00000004\/model\.safetensors: .*Step 2 is used instead$/m,
    );
    const again = changed((path) => truncateSync(path("model.safetensors"), 1000));
    const resumed = await codex(again, "resume", "runs/run");
    expect(resumed).toMatchObject({ exitCode: 0 });
    expect(resumed.err).toContain("Step 2 is used instead");
    expect(readdirSync(join(again, "runs/run/checkpoints"))).toContain("step-00000004.corrupt");
    expect(readFileSync(join(again, named, "model.safetensors"))).toEqual(
      readFileSync(join(newest, "model.safetensors")),
    );
    expect(readFileSync(join(again, "runs/run/events.ndjson"), "utf8")).toContain('"event":"checkpoint.fallback"');
  });

  test("tokenizer and model of different vocabularies", async () => {
    await refused(whole, [...TRAIN, "logging.runId=other", `init.from=${named}`, "tokenizer=char"], {
      exitCode: 3,
      code: "MODEL_VOCABULARY_MISMATCH",
      says: [/the model has 257 token ids, the tokenizer \d+/],
    });
    const copy = changed((_path, folder) => {
      cpSync(join(folder, named), join(folder, "model"), { recursive: true });
    });
    expect(
      await codex(copy, "tokenizer", "train", "--input", "train.txt", "--output", "model", "--kind", "char"),
    ).toMatchObject({ exitCode: 0 });
    await refused(copy, ["generate", "--checkpoint", "model", "--prompt", "f"], {
      exitCode: 3,
      code: "MODEL_VOCABULARY_MISMATCH",
      says: ["257", "tokenizer"],
    });
  });

  test("unsupported field in a config.json", async () => {
    const copy = changed((_path, folder) => {
      cpSync(join(folder, named), join(folder, "model"), { recursive: true });
      const config = JSON.parse(readFileSync(join(folder, "model/config.json"), "utf8"));
      writeFileSync(join(folder, "model/config.json"), JSON.stringify({ ...config, hidden_act: "relu" }));
    });
    const says = ["model/config.json", "hidden_act", "relu"];
    await refused(copy, ["generate", "--checkpoint", "model", "--prompt", "f"], {
      exitCode: 3,
      code: "MODEL_CONFIG_UNSUPPORTED",
      says,
    });
    await refused(copy, [...TRAIN, "logging.runId=other", "init.from=model"], {
      exitCode: 3,
      code: "MODEL_CONFIG_UNSUPPORTED",
      says,
    });
  });

  test("NaN in loaded weights", async () => {
    const copy = changed((_path, folder) => {
      cpSync(join(folder, named), join(folder, "model"), { recursive: true });
      const bytes = readFileSync(join(folder, "model/model.safetensors"));
      bytes.writeFloatLE(Number.NaN, bytes.length - 4);
      writeFileSync(join(folder, "model/model.safetensors"), bytes);
    });
    const says = [/model: tensor model\.[\w.]+: expected finite values, element \d+ is NaN/];
    await refused(copy, ["generate", "--checkpoint", "model", "--prompt", "f"], {
      exitCode: 3,
      code: "MODEL_WEIGHTS_NOT_FINITE",
      says,
    });
    await refused(copy, ["evaluate", "--checkpoint", "model", "--data", "train.txt"], {
      exitCode: 3,
      code: "MODEL_WEIGHTS_NOT_FINITE",
      says,
    });
    await refused(copy, [...TRAIN, "logging.runId=other", "init.from=model"], {
      exitCode: 3,
      code: "MODEL_WEIGHTS_NOT_FINITE",
      says,
    });
  });

  test("prompt longer than the context", async () => {
    await refused(directory, ["generate", "--checkpoint", "runs/run", "--prompt", "longer than eight"], {
      exitCode: 2,
      code: "MODEL_PROMPT_TOO_LONG",
      says: ["context is 8 tokens, got 17"],
    });
    await refused(directory, [...TRAIN, "logging.runId=other", "report.prompt='longer than eight'"], {
      exitCode: 2,
      code: "PIPELINE_CONFIG_INVALID",
      says: ["report.prompt", "8 tokens, got 17"],
    });
  });

  test("malformed rows to evaluate on", async () => {
    writeFileSync(join(whole, "rows.jsonl"), '{"input":"a","target":"b"}\n{"input":"a"}\n');
    await refused(whole, ["evaluate", "--checkpoint", "runs/run", "--data", "rows.jsonl"], {
      exitCode: 3,
      code: "PIPELINE_FILE_INVALID",
      says: ["rows.jsonl:2", '"target"'],
    });
  });

  test("a second writer on the same run directory", async () => {
    const copy = changed(() => {});
    const writer = startCodex(copy, ["resume", "runs/run", "--json", "--allow-drift", "training.maxSteps=100000"]);
    await writer.line((line) => line.includes('"type":"step"'));
    writer.process.kill("SIGSTOP"); // so that what changes now is not its work
    for (let last = ""; ; ) {
      const now = JSON.stringify(contentsOf(copy));
      if (now === last) break;
      last = now; // a write that was under way when the signal came
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const says = ["runs/run: expected to be free, is in use by process", String(writer.process.pid), "delete"];
    for (const args of [
      ["resume", "runs/run"],
      [...TRAIN, "--resume"],
      [...TRAIN, "--resume-from", "runs/run"],
    ]) {
      await refused(copy, args, { exitCode: 5, code: "STORAGE_LOCKED", says });
    }
    await refused(copy, TRAIN, {
      exitCode: 5,
      code: "LOGGING_RUN_EXISTS",
      says: ["runs/run", "codex resume runs/run"],
    });
    writer.process.kill("SIGCONT");
    writer.process.kill("SIGTERM");
    expect((await writer.finished).exitCode).toBe(143);
  });

  test("an optimizer that cannot take the saved state is refused, allowed or not", async () => {
    const args = ["resume", "runs/run", "--allow-drift", "training.optimizer=sgd"];
    await refused(directory, args, { exitCode: 3, code: "TRAINING_OPTIMIZER_STATE_INVALID", says: ["sgd"] });
  });

  test("drift is refused, naming each difference", async () => {
    await refused(directory, ["resume", "runs/run", "seed=7", "training.maxSteps=9"], {
      exitCode: 6,
      code: "PIPELINE_DRIFT",
      says: ["seed: was 42, is 7", "training.maxSteps: was 4, is 9", "--allow-drift"],
    });
  });
});

test("loss not finite", async () => {
  const directory = project();
  const result = await codex(
    directory,
    ...TRAIN,
    "training.learningRate=1e30",
    "training.maxGradNorm=0",
    "training.warmupSteps=0",
    "training.evaluationEverySteps=0",
  );
  const paragraph = expectRefused(result, { exitCode: 7, code: "TRAINING_NOT_FINITE", says: [/step \d/, "samples"] });
  expect(readFileSync(join(directory, "runs/run/events.ndjson"), "utf8")).toContain('"status":"failed"');
  expect(paragraph).toMatch(/expected/);
});

test("disk full: exit code 4, the run as it was, and it goes on when there is space", async () => {
  // No file may grow beyond 256 kB, which a checkpoint of this model would: the real thing, without a disk of its own.
  const directory = project();
  const big = ["model.hiddenSize=128", "model.intermediateSize=128"];
  expect(await codex(directory, ...TRAIN, ...big)).toMatchObject({ exitCode: 0 });
  const checkpoints = join(directory, "runs/run/checkpoints");
  const finished = contentsOf(join(checkpoints, "step-00000004"));
  rmSync(join(checkpoints, "step-00000004"), { recursive: true });
  const before = contentsOf(checkpoints);
  const limited = await startCodex(directory, ["resume", "runs/run"], { limit: "ulimit -f 256" }).finished;
  expectRefused(limited, {
    exitCode: 4,
    code: "CHECKPOINT_DISK_FULL",
    says: ["runs/run/checkpoints/step-00000004", "Earlier checkpoints are intact", "resume"],
  });
  expect(contentsOf(checkpoints)).toEqual(before);
  expect(await codex(directory, "resume", "runs/run")).toMatchObject({ exitCode: 0 });
  expect(contentsOf(join(checkpoints, "step-00000004"))).toEqual(finished);
  // A new run for which there is no space from the start leaves nothing.
  const none = await startCodex(directory, [...TRAIN, "logging.runId=new"], { limit: "ulimit -f 1" }).finished;
  expectRefused(none, { exitCode: 4, code: "STORAGE_DISK_FULL", says: ["Free some space"] });
  expect(readdirSync(join(directory, "runs"))).toEqual(["run"]);
});

test("a disk that stays full for metrics: the run goes to its end, exactly, and says how many lines are lost", async () => {
  const directory = project();
  // 64 kB: checkpoints of this model fit, some fifty steps of metrics.
  const args = [...TRAIN, "training.maxSteps=60", "training.checkpointEverySteps=7"];
  const limited = await startCodex(directory, args, { limit: "ulimit -f 64" }).finished;
  expect(limited).toMatchObject({ exitCode: 0 });
  expect(limited.err).toMatch(/warning: .*runs\/run\/metrics\.ndjson: EFBIG.*The run goes on/);
  expect(limited.err).toMatch(/warning: runs\/run\/metrics\.ndjson: \d+ lines are lost: /);
  const whole = project();
  expect(await codex(whole, ...args)).toMatchObject({ exitCode: 0 });
  const last = "runs/run/checkpoints/step-00000060";
  expect(contentsOf(join(directory, last))).toEqual(contentsOf(join(whole, last)));
  // What is there is whole.
  const lines = (folder: string) => readFileSync(join(folder, "runs/run/metrics.csv"), "utf8").split("\n").slice(0, -1);
  const steps = (folder: string) => lines(folder).map((line) => line.split(",").slice(3, 6).join());
  expect(steps(directory)).toEqual(steps(whole).slice(0, steps(directory).length));
});

describe("a plugin that throws", () => {
  const target = (name: string) => `./index.js#${name}`;

  test("while its module is loaded", async () => {
    const directory = projectWithPlugin({ models: { bad: target("bad") } }, 'throw new Error("no licence");');
    await refused(directory, [...TRAIN, "model.name=bad"], {
      exitCode: 2,
      code: "PIPELINE_CONFIG_INVALID",
      says: ['models "bad" cannot be used', "no licence", "codex-plugin-test@1.2.3", "codex plugins check"],
    });
    const check = await codex(directory, "plugins", "check");
    expect(check.exitCode).toBe(2);
    expect(`${check.out}${check.err}`).toContain("no licence");
    // Nobody else is disturbed.
    expect(await codex(directory, ...TRAIN, "--dry-run")).toMatchObject({ exitCode: 0 });
  });

  test("when its model is created", async () => {
    const code = 'export const bad = { configSchema: { type: "object" }, create() { throw new Error("no room"); } };';
    const directory = projectWithPlugin({ models: { bad: target("bad") } }, code);
    const model = [
      "hiddenSize",
      "intermediateSize",
      "numHiddenLayers",
      "numAttentionHeads",
      "numKeyValueHeads",
      "maxPositionEmbeddings",
      "tieWordEmbeddings",
      "ropeParameters",
    ].map((key) => `~model.${key}`);
    await refused(directory, [...TRAIN, "model.name=bad", ...model], {
      exitCode: 2,
      code: "PIPELINE_PLUGIN_FAILED",
      says: ['models "bad" of codex-plugin-test@1.2.3', "no room", "--debug"],
    });
  });

  test("while its data is read", async () => {
    const code = `export const bad = { configSchema: { type: "object" }, create: () => ({
      settings: {}, inputs: async () => [], async *documents() { yield { id: "1", text: "abc", origin: "x" }; throw new Error("line is dead"); } }) };`;
    const directory = projectWithPlugin({ datasets: { bad: target("bad") } }, code);
    await refused(directory, [...TRAIN, "data.name=bad", "~data.path"], {
      exitCode: 2,
      code: "PIPELINE_PLUGIN_FAILED",
      says: ['datasets "bad" of codex-plugin-test@1.2.3', "line is dead"],
    });
  });

  test("in the middle of a run: what was saved stays, and the run says that it failed", async () => {
    const code = `export const bad = { configSchema: { type: "object" }, create: () => (step) => {
      if (step === 2) throw new Error("no rate"); return 1e-3; } };`;
    const directory = projectWithPlugin({ schedulers: { bad: target("bad") } }, code);
    const result = await codex(directory, ...TRAIN, "training.schedule=bad");
    expectRefused(result, {
      exitCode: 2,
      code: "PIPELINE_PLUGIN_FAILED",
      says: ['schedulers "bad" of codex-plugin-test@1.2.3', "no rate"],
    });
    expect(readdirSync(join(directory, "runs/run/checkpoints"))).toEqual(["best.json", "latest.json", "step-00000002"]);
    expect(readFileSync(join(directory, "runs/run/events.ndjson"), "utf8")).toContain('"status":"failed"');
    expect(await codex(directory, "resume", "runs/run", "--allow-drift", "training.schedule=cosine")).toMatchObject({
      exitCode: 0,
    });
  });
});
