import { createStream, type RandomStream } from "@codex/random";
import Value from "typebox/value";
import { ModelError } from "./errors.ts";
import type { ModelFamily } from "./families/family.ts";
import { gpt2 } from "./families/gpt2/index.ts";
import { llama } from "./families/llama/index.ts";
import type { LanguageModel, ModelConfig } from "./language-model.ts";
import { createParameters } from "./layers/parameters.ts";

/** The architectures of this package. */
export const MODEL_FAMILIES: readonly ModelFamily[] = [gpt2, llama];

/**
 * The family of a `model_type`.
 * @param where - path of the file that names it, for the message
 * @throws {ModelError} `MODEL_FAMILY_UNKNOWN`, listing what there is
 */
export function findModelFamily(
  modelType: unknown,
  families: readonly ModelFamily[] = MODEL_FAMILIES,
  where?: string,
): ModelFamily {
  const found = families.find((family) => family.modelType === modelType);
  if (found !== undefined) return found;
  const known = families.map((family) => family.modelType).join(", ");
  const place = where === undefined ? "" : `${where}: `;
  throw new ModelError(
    "MODEL_FAMILY_UNKNOWN",
    `${place}model_type: expected one of ${known}, got ${JSON.stringify(modelType) ?? "nothing"}`,
  );
}

/**
 * A configuration with its defaults filled in and checked against the family's schema.
 * @param where - for messages; default: the family's name
 * @throws {ModelError} `MODEL_CONFIG_INVALID` naming each bad field
 */
export function parseModelConfig(family: ModelFamily, config: object, where: string = family.modelType): ModelConfig {
  const filled = Value.Default(family.configSchema, structuredClone(config));
  if (!Value.Check(family.configSchema, filled)) {
    const problems = Value.Errors(family.configSchema, filled).filter((error) => error.keyword !== "boolean");
    const lines = problems.map(({ instancePath, message, params }) => {
      const details = Object.values(params).filter(Array.isArray).flat().join(", "); // the fields or values that it is about
      return `${where}${instancePath.replaceAll("/", ".")}: ${message}${details === "" ? "" : `: ${details}`}`;
    });
    throw new ModelError("MODEL_CONFIG_INVALID", lines.join("; "));
  }
  return family.resolveConfig(filled as ModelConfig);
}

export type CreateModelOptions = (
  | {
      /** The values come from the `init` stream of this seed. */
      readonly seed: number;
    }
  | { readonly initStream: RandomStream }
) & {
  /** Architectures to choose from; default: those of this package. */
  readonly families?: readonly ModelFamily[];
};

/**
 * A new model with random weights, the same for the same seed on every device. The caller disposes it.
 *
 * @param config - Hugging Face's words in camelCase; `modelType` names the family
 * @throws {ModelError} `MODEL_FAMILY_UNKNOWN`, `MODEL_CONFIG_INVALID`
 */
export function createModel(
  config: { readonly modelType: string; readonly [field: string]: unknown },
  options: CreateModelOptions,
): LanguageModel {
  const family = findModelFamily(config.modelType, options.families);
  const parsed = parseModelConfig(family, config);
  const init = "initStream" in options ? options.initStream : createStream(options.seed, "init");
  return family.build(parsed, createParameters(family.parameterSpecs(parsed), init));
}
