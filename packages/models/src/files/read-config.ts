import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { findModelFamily, parseModelConfig } from "../create-model.ts";
import { ModelError } from "../errors.ts";
import { readSpecialTokens } from "../families/config-fields.ts";
import type { ModelFamily } from "../families/family.ts";
import type { ModelConfig } from "../language-model.ts";

export interface ReadModelConfigOptions {
  /** Architectures to choose from; default: those of this package. */
  readonly families?: readonly ModelFamily[];
  /** Fields of the configuration, in camelCase, that replace those of the file: dropout rates for a fine-tuning, for instance. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/**
 * Reads `config.json` and, where there is one, the special tokens of `generation_config.json`, which transformers generates with.
 * @throws {ModelError} `MODEL_FILE_MISSING`, `MODEL_FILE_INVALID`, `MODEL_FAMILY_UNKNOWN`, `MODEL_CONFIG_INVALID`, `MODEL_CONFIG_UNSUPPORTED`
 */
export async function readModelConfig(
  directory: string,
  options: ReadModelConfigOptions = {},
): Promise<{ readonly family: ModelFamily; readonly config: ModelConfig }> {
  const path = join(directory, "config.json");
  const json = await readJsonFile(path);
  if (json === undefined) {
    throw new ModelError("MODEL_FILE_MISSING", `${path}: expected the configuration of a model, there is no such file`);
  }
  const family = findModelFamily(json["model_type"], options.families, path);
  const generationPath = join(directory, "generation_config.json");
  const generation = readSpecialTokens((await readJsonFile(generationPath)) ?? {}, generationPath);
  const config = { ...family.readConfig(json, path), ...generation, ...options.overrides };
  return { family, config: parseModelConfig(family, config, path) };
}

/** The object in a file, or undefined when there is no file. */
async function readJsonFile(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelError("MODEL_FILE_INVALID", `${path}: expected JSON, got ${(cause as Error).message}`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ModelError(
      "MODEL_FILE_INVALID",
      `${path}: expected an object, got ${JSON.stringify(value).slice(0, 40)}`,
    );
  }
  return value as Record<string, unknown>;
}
