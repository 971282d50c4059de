import { isFloat32Compatible, openModelTensors, type TensorReader } from "@codex/safetensors";
import { StorageError } from "@codex/storage";
import { tensorFromPieces } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.ts";
import type { ModelFamily } from "../families/family.ts";
import type { LanguageModel, ModelConfig, Parameter } from "../language-model.ts";
import { createParameter, type ParameterSpec } from "../layers/parameters.ts";
import { type ReadModelConfigOptions, readModelConfig } from "./read-config.ts";

/**
 * Opens a Hugging Face model folder: `config.json` and `model.safetensors`, or its shards with an index; F32, F16 and BF16 are
 * converted to float32. The weights go to the device in pieces of a megabyte. The caller disposes the model.
 *
 * @throws {ModelError} of `readModelConfig`, `MODEL_FILE_MISSING`, `MODEL_WEIGHTS_MISSING`, `MODEL_WEIGHTS_UNEXPECTED`,
 * `MODEL_WEIGHTS_SHAPE_MISMATCH`, `MODEL_WEIGHTS_DTYPE_UNSUPPORTED`, `MODEL_WEIGHTS_NOT_FINITE`
 * @throws {SafetensorsError} when a file breaks the format
 */
export async function loadModel(directory: string, options: ReadModelConfigOptions = {}): Promise<LanguageModel> {
  const { family, config } = await readModelConfig(directory, options);
  await using reader = await openWeights(directory);
  const plan = planLoading(family, config, reader, directory);
  const parameters = new Map<string, Parameter>();
  const checks: FiniteCheck[] = [];
  try {
    for (const { spec, stored } of plan.parameters) {
      const parameter = createParameter(spec, await tensorFromPieces(spec.shape, reader.float32Pieces(stored)));
      parameters.set(spec.name, parameter);
      checks.push({ variable: parameter.variable, stored, finite: allFinite(parameter.variable) });
    }
    await checkFinite(checks, directory);
    for (const { original, copy } of plan.copies) await checkEqual(reader, directory, original, copy);
    return family.build(config, parameters);
  } catch (error) {
    for (const { variable } of parameters.values()) variable.dispose();
    throw error;
  } finally {
    for (const { finite } of checks) finite.dispose();
  }
}

interface FiniteCheck {
  readonly variable: tf.Tensor;
  readonly stored: string;
  /** A bool of the device. */
  readonly finite: tf.Tensor;
}

async function openWeights(directory: string): Promise<TensorReader> {
  try {
    return await openModelTensors(directory);
  } catch (cause) {
    if (!(cause instanceof StorageError && cause.code === "STORAGE_NOT_FOUND")) throw cause;
    throw new ModelError("MODEL_FILE_MISSING", cause.message, {
      cause,
      help: "Weights in PyTorch's .bin format are not read: convert them with save_pretrained(..., safe_serialization=True).",
    });
  }
}

interface LoadingPlan {
  readonly parameters: readonly { readonly spec: ParameterSpec; readonly stored: string }[];
  /** Tied weights that the file holds twice. */
  readonly copies: readonly { readonly original: string; readonly copy: string }[];
}

/** Which stored tensor is which parameter; everything that does not fit is refused before any weight is read. */
function planLoading(family: ModelFamily, config: ModelConfig, reader: TensorReader, directory: string): LoadingPlan {
  const specs = family.parameterSpecs(config);
  const known = new Set(specs.map(({ name }) => name));
  const stored = new Map<string, string>();
  const copies: { original: string; copy: string }[] = [];
  const unexpected: string[] = [];
  for (const tensorName of reader.tensors.keys()) {
    const name = family.parameterName(tensorName);
    if (name === undefined) continue;
    const original = family.tiedName?.(config, name);
    if (original !== undefined) copies.push({ original, copy: tensorName });
    else if (known.has(name) && !stored.has(name)) stored.set(name, tensorName);
    else unexpected.push(tensorName);
  }
  const missing = specs.filter(({ name }) => !stored.has(name)).map(({ name }) => name);
  if (missing.length > 0) {
    throw new ModelError(
      "MODEL_WEIGHTS_MISSING",
      `${directory}: ${missing.length} of ${specs.length} tensors are missing: ${listed(missing)}`,
      {
        help:
          unexpected.length > 0
            ? `The files hold these in addition: ${listed(unexpected)}`
            : "Is a shard or a part of config.json missing?",
      },
    );
  }
  if (unexpected.length > 0) {
    throw new ModelError(
      "MODEL_WEIGHTS_UNEXPECTED",
      `${directory}: the model of config.json has no place for ${listed(unexpected)}`,
    );
  }
  for (const spec of specs) checkTensor(reader, directory, stored.get(spec.name)!, spec.shape);
  return {
    parameters: specs.map((spec) => ({ spec, stored: stored.get(spec.name)! })),
    copies: copies.map(({ original, copy }) => ({ original: stored.get(original)!, copy })),
  };
}

function checkTensor(reader: TensorReader, directory: string, name: string, expected: readonly number[]): void {
  const { shape, dtype } = reader.tensors.get(name)!;
  if (shape.join() !== expected.join()) {
    throw new ModelError(
      "MODEL_WEIGHTS_SHAPE_MISMATCH",
      `${directory}: tensor ${name}: expected [${expected}] from config.json, the file has [${shape}]`,
      { help: "Do config.json and the weights belong to the same model?" },
    );
  }
  if (!isFloat32Compatible(dtype)) {
    throw new ModelError(
      "MODEL_WEIGHTS_DTYPE_UNSUPPORTED",
      `${directory}: tensor ${name}: expected F32, F16 or BF16, the file has ${dtype}`,
    );
  }
}

/** A scalar of the device, so that it looks for numbers that are not finite while the next tensor is read. */
function allFinite(weights: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.all(tf.isFinite(weights)));
}

async function checkFinite(checks: readonly FiniteCheck[], directory: string): Promise<void> {
  for (const { variable, stored, finite } of checks) {
    if ((await finite.data())[0] === 1) continue;
    const values = await variable.data();
    const bad = values.findIndex((value) => !Number.isFinite(value));
    throw new ModelError(
      "MODEL_WEIGHTS_NOT_FINITE",
      `${directory}: tensor ${stored}: expected finite values, element ${bad} is ${values[bad]}`,
    );
  }
}

async function checkEqual(reader: TensorReader, directory: string, original: string, copy: string): Promise<void> {
  const [first, second] = [await reader.readFloat32(original), await reader.readFloat32(copy)];
  if (first.length === second.length && first.every((value, index) => value === second[index])) return;
  throw new ModelError(
    "MODEL_WEIGHTS_UNEXPECTED",
    `${directory}: tensor ${copy}: config.json ties it to ${original}, but the file has other values`,
    { help: "Set tie_word_embeddings to false in config.json if the head is a weight of its own." },
  );
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
