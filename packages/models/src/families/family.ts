import type { TSchema } from "typebox";
import type { LanguageModel, ModelConfig } from "../language-model.ts";
import type { ParameterSpec, Parameters } from "../layers/parameters.ts";

/** One architecture: how its configuration is spelled, which parameters it has, and what it computes. */
export interface ModelFamily<Config extends ModelConfig = ModelConfig> {
  /** `model_type` in config.json. */
  readonly modelType: Config["modelType"];
  /** TypeBox schema of the camelCase configuration, with defaults. */
  readonly configSchema: TSchema;
  /**
   * Fills what follows from other fields and checks combinations.
   * @throws {ModelError} `MODEL_CONFIG_INVALID`
   */
  resolveConfig(config: Config): Config;
  /** From the contents of config.json. @param where - its path, for messages. @throws {ModelError} `MODEL_CONFIG_INVALID`, `MODEL_CONFIG_UNSUPPORTED` */
  readConfig(json: Readonly<Record<string, unknown>>, where: string): Config;
  /** To the contents of config.json; the inverse of `readConfig`. */
  writeConfig(config: Config): Record<string, unknown>;
  /** Every parameter, in the order of the forward pass. */
  parameterSpecs(config: Config): readonly ParameterSpec[];
  /** The parameter that a tensor of a file belongs to; undefined for a stored buffer that we compute. */
  parameterName(tensorName: string): string | undefined;
  /** The parameter that a file may hold a second time under `name`, because the configuration ties the two. */
  tiedName?(config: Config, name: string): string | undefined;
  /** Takes ownership of the parameters. */
  build(config: Config, parameters: Parameters): LanguageModel<Config>;
}

/** A family, with the type of its configuration checked and then forgotten, so that families of different types fit into one list. */
export function defineModelFamily<Config extends ModelConfig>(family: ModelFamily<Config>): ModelFamily {
  return family as unknown as ModelFamily;
}
