import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  defineModelFamily,
  hostTensors,
  type LanguageModel,
  llama,
  loadModel,
  ModelError,
  type ModelErrorCode,
  modelFiles,
  type ReadModelConfigOptions,
  readModelConfig,
  saveModel,
} from "@codex/models";
import { openModelTensors, type TensorData, writeSafetensors } from "@codex/safetensors";
import * as tf from "@tensorflow/tfjs-core";
import { selectDevice } from "../devices.ts";
import { createTiny, type TinyName, tinyConfigs } from "../tiny-models.ts";

const golden = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));

let folder: string;
beforeAll(async () => {
  await selectDevice("cpu");
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "codex-models-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function failure(work: Promise<unknown>): Promise<ModelError> {
  const error = await work.then(() => undefined, (reason: unknown) => reason); // biome-ignore format: one line
  if (error instanceof ModelError) return error;
  throw error ?? new Error("expected a ModelError, nothing was thrown");
}

async function readTensors(directory: string): Promise<Map<string, TensorData>> {
  await using reader = await openModelTensors(directory);
  const tensors = new Map<string, TensorData>();
  for (const { name, dtype, shape } of reader.tensors.values())
    tensors.set(name, { dtype, shape, data: await reader.read(name) });
  return tensors;
}

/** A copy of a golden folder with other tensors. */
async function copyWith(name: string, change: (tensors: Map<string, TensorData>) => void): Promise<void> {
  await cp(golden(name), folder, { recursive: true });
  const tensors = await readTensors(golden(name));
  change(tensors);
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
}

async function editConfig(change: Record<string, unknown>): Promise<void> {
  const path = join(folder, "config.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...change }));
}

const f32 = (shape: number[], fill: number): TensorData => ({
  dtype: "F32",
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(fill),
});

test.each(Object.keys(tinyConfigs) as TinyName[])("%s is the same after saving and loading", async (name) => {
  const model = createTiny(name);
  await saveModel(model, join(folder, "nested", "model"));
  const loaded = await loadModel(join(folder, "nested", "model"));
  expect(loaded.config).toEqual(model.config);
  expect(loaded.family).toBe(model.family);
  expect(hostTensors(loaded)).toEqual(hostTensors(model));
  for (const each of [model, loaded]) each.dispose();
});

test("a folder has the files and names of transformers, in one file or in shards", async () => {
  const model = createTiny("llama");
  await saveModel(model, folder);
  expect((await readdir(folder)).sort()).toEqual(["config.json", "generation_config.json", "model.safetensors"]);
  expect([...(await readTensors(folder)).keys()].sort()).toEqual([...model.parameters().keys()].sort());
  const sharded = join(folder, "sharded");
  await saveModel(model, sharded, { maxShardBytes: 6000 });
  expect(await readdir(sharded)).toContain("model.safetensors.index.json");
  const loaded = await loadModel(sharded);
  expect(hostTensors(loaded)).toEqual(hostTensors(model));
  for (const each of [model, loaded]) each.dispose();
});

test("config.json and generation_config.json carry the special tokens, null where there is none", () => {
  const model = createTiny("llama");
  const files = modelFiles(model);
  expect(JSON.parse(files["config.json"])).toMatchObject({
    model_type: "llama",
    dtype: "float32",
    eos_token_id: [2, 3],
  });
  expect(JSON.parse(files["generation_config.json"])).toEqual({
    _from_model_config: true,
    bos_token_id: null,
    eos_token_id: [2, 3],
    pad_token_id: null,
  });
  model.dispose();
});

test("the end-of-text tokens of generation_config.json win", async () => {
  await cp(golden("gpt2-tied"), folder, { recursive: true });
  await writeFile(join(folder, "generation_config.json"), JSON.stringify({ eos_token_id: [7, 8], temperature: 0.6 }));
  expect((await readModelConfig(folder)).config).toMatchObject({ bosTokenId: 1, eosTokenId: [7, 8] });
});

test("overrides replace fields of config.json and are checked", async () => {
  const { config } = await readModelConfig(golden("gpt2-tied"), { overrides: { attnPdrop: 0.2 } });
  expect(config).toMatchObject({ attnPdrop: 0.2, residPdrop: 0 });
  const { code, message } = await failure(readModelConfig(golden("gpt2-tied"), { overrides: { attnPdrop: 2 } }));
  expect(code).toBe("MODEL_CONFIG_INVALID");
  expect(message).toContain("config.json.attnPdrop: must be < 1");
});

test("loads files without the prefix and with stored masks, as OpenAI's own gpt2 has them", async () => {
  await copyWith("gpt2-tied", (tensors) => {
    for (const [name, tensor] of [...tensors]) {
      tensors.delete(name);
      tensors.set(name.replace("transformer.", ""), tensor);
    }
    tensors.set("h.0.attn.bias", f32([1, 1, 24, 24], 1));
    tensors.set("h.1.attn.masked_bias", f32([], -1e4));
  });
  const [ours, plain] = [await loadModel(folder), await loadModel(golden("gpt2-tied"))];
  expect(hostTensors(ours)).toEqual(hostTensors(plain));
  for (const each of [ours, plain]) each.dispose();
});

test("a tied head may be stored a second time, with the same values", async () => {
  await copyWith("gpt2-tied", (tensors) => tensors.set("lm_head.weight", tensors.get("transformer.wte.weight")!));
  (await loadModel(folder)).dispose();
  await copyWith("gpt2-tied", (tensors) => tensors.set("lm_head.weight", f32([65, 16], 1)));
  const { code, message } = await failure(loadModel(folder));
  expect(code).toBe("MODEL_WEIGHTS_UNEXPECTED");
  expect(message).toContain(
    "tensor lm_head.weight: config.json ties it to transformer.wte.weight, but the file has other values",
  );
});

describe("refuses by name, and leaves no tensor behind:", () => {
  const norm = "model.norm.weight";
  let tensorsBefore: number;
  beforeEach(() => {
    tensorsBefore = tf.memory().numTensors;
  });
  afterEach(() => expect(tf.memory().numTensors).toBe(tensorsBefore));

  test.each<[string, (tensors: Map<string, TensorData>) => void, ModelErrorCode, RegExp]>([
    [
      "a missing tensor",
      (t) => t.delete(norm),
      "MODEL_WEIGHTS_MISSING",
      /1 of 21 tensors are missing: model\.norm\.weight/,
    ],
    [
      "an unexpected tensor",
      (t) => t.set("model.extra.weight", f32([2], 1)),
      "MODEL_WEIGHTS_UNEXPECTED",
      /no place for model\.extra\.weight/,
    ],
    [
      "a misshapen tensor",
      (t) => t.set(norm, f32([17], 1)),
      "MODEL_WEIGHTS_SHAPE_MISMATCH",
      /tensor model\.norm\.weight: expected \[16\] from config\.json, the file has \[17\]/,
    ],
    [
      "NaN",
      (t) => t.set(norm, f32([16], Number.NaN)),
      "MODEL_WEIGHTS_NOT_FINITE",
      /tensor model\.norm\.weight: .* element 0 is NaN/,
    ],
    [
      "infinity",
      (t) => t.set(norm, f32([16], Number.NEGATIVE_INFINITY)),
      "MODEL_WEIGHTS_NOT_FINITE",
      /element 0 is -Infinity/,
    ],
    [
      "integers",
      (t) => t.set(norm, { dtype: "I32", shape: [16], data: new Int32Array(16) }),
      "MODEL_WEIGHTS_DTYPE_UNSUPPORTED",
      /tensor model\.norm\.weight: expected F32, F16 or BF16, the file has I32/,
    ],
  ])("%s", async (_, change, code, message) => {
    await copyWith("llama-gqa-llama3", change);
    const error = await failure(loadModel(folder));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(folder)).toBe(true);
  });

  test.each<[string, Record<string, unknown>, ModelErrorCode, string]>([
    [
      "an unknown family",
      { model_type: "mamba" },
      "MODEL_FAMILY_UNKNOWN",
      'config.json: model_type: expected one of gpt2, llama, got "mamba"',
    ],
    [
      "a field that changes the maths",
      { sliding_window: 8 },
      "MODEL_CONFIG_UNSUPPORTED",
      "config.json: sliding_window: ",
    ],
    [
      "a width that the heads do not divide",
      { hidden_size: 18 },
      "MODEL_CONFIG_INVALID",
      "hiddenSize: expected a multiple",
    ],
    [
      "a larger vocabulary than the weights have",
      { vocab_size: 99 },
      "MODEL_WEIGHTS_SHAPE_MISMATCH",
      "expected [99,16]",
    ],
  ])("%s", async (_, change, code, message) => {
    await cp(golden("llama-gqa-llama3"), folder, { recursive: true });
    await editConfig(change);
    const error = await failure(loadModel(folder));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  test.each<[string, string, ModelErrorCode, string]>([
    ["config.json", "", "MODEL_FILE_INVALID", "config.json: expected JSON"],
    ["config.json", "[1]", "MODEL_FILE_INVALID", "config.json: expected an object, got [1]"],
    ["generation_config.json", "{", "MODEL_FILE_INVALID", "generation_config.json: expected JSON"],
  ])("a %s that holds %j", async (file, contents, code, message) => {
    await cp(golden("gpt2-tied"), folder, { recursive: true });
    await writeFile(join(folder, file), contents);
    const error = await failure(loadModel(folder));
    expect([error.code, error.message.slice(folder.length + 1).startsWith(message)]).toEqual([code, true]);
  });

  test.each(["config.json", "model.safetensors"])("a folder without %s", async (file) => {
    await cp(golden("gpt2-tied"), folder, { recursive: true });
    await rm(join(folder, file));
    const error = await failure(loadModel(folder));
    expect(error.code).toBe("MODEL_FILE_MISSING");
    expect(error.message).toContain(file);
  });
});

test("families of others can be loaded", async () => {
  const other = defineModelFamily({
    ...llama,
    modelType: "my-llama",
    readConfig: (json, where) => llama.readConfig({ ...json, model_type: "llama" }, where),
  });
  const options: ReadModelConfigOptions = { families: [other] };
  await cp(golden("llama-gqa-llama3"), folder, { recursive: true });
  await editConfig({ model_type: "my-llama" });
  const model: LanguageModel = await loadModel(folder, options);
  expect(model.parameters().size).toBe(21);
  model.dispose();
});
