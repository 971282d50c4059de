import { join } from "node:path";
import { writeModelTensors } from "@codex/safetensors";
import { makeDirectory, writeFileDurably } from "@codex/storage";
import type { LanguageModel } from "../language-model.ts";

/** A parameter's values on the host. */
export interface HostTensor {
  readonly dtype: "F32";
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Copies of all parameters, by Hugging Face name. */
export function hostTensors(model: LanguageModel): ReadonlyMap<string, HostTensor> {
  return new Map(
    [...model.parameters()].map(([name, { variable }]) => [
      name,
      { dtype: "F32", shape: variable.shape, data: variable.dataSync().slice() as Float32Array },
    ]),
  );
}

/** `config.json` and `generation_config.json` of a model, by file name: what makes a folder of weights a Hugging Face model. */
export function modelFiles(model: LanguageModel): {
  readonly "config.json": string;
  readonly "generation_config.json": string;
} {
  const config = model.configJson();
  const generation = {
    _from_model_config: true,
    bos_token_id: config["bos_token_id"] ?? null,
    eos_token_id: config["eos_token_id"] ?? null,
    pad_token_id: config["pad_token_id"] ?? null,
  };
  const text = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  return { "config.json": text(config), "generation_config.json": text(generation) };
}

export interface SaveModelOptions {
  /** Splits the weights into files of at most so many bytes, with an index. Default: one file. */
  readonly maxShardBytes?: number;
}

/**
 * Writes a folder that transformers opens as it is: `config.json`, `generation_config.json` and `model.safetensors` in float32. Each
 * file is durable by itself; to have all or none, save into the staging folder of `commitDirectory` of `@codex/storage`.
 *
 * @throws {StorageError} `STORAGE_DISK_FULL` and others
 */
export async function saveModel(
  model: LanguageModel,
  directory: string,
  options: SaveModelOptions = {},
): Promise<void> {
  await makeDirectory(directory);
  const tensors = new Map(
    [...model.parameters()].map(
      ([name, { variable }]) =>
        [
          name,
          { dtype: "F32", shape: variable.shape, data: async () => variable.data() as Promise<Float32Array> },
        ] as const,
    ),
  );
  await writeModelTensors(directory, tensors, options);
  for (const [name, contents] of Object.entries(modelFiles(model)))
    await writeFileDurably(join(directory, name), contents);
}
