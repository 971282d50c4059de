import { defineModelFamily } from "../family.ts";
import { LlamaConfig, readLlamaConfig, resolveLlamaConfig, writeLlamaConfig } from "./config.ts";
import { buildLlama, llamaParameterName, llamaParameterSpecs } from "./model.ts";

export const llama = defineModelFamily<LlamaConfig>({
  modelType: "llama",
  configSchema: LlamaConfig,
  resolveConfig: resolveLlamaConfig,
  readConfig: readLlamaConfig,
  writeConfig: writeLlamaConfig,
  parameterSpecs: llamaParameterSpecs,
  parameterName: llamaParameterName,
  tiedName: (config, name) =>
    config.tieWordEmbeddings && name === "lm_head.weight" ? "model.embed_tokens.weight" : undefined,
  build: buildLlama,
});
