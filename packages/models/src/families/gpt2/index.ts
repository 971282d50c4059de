import { defineModelFamily } from "../family.ts";
import { Gpt2Config, readGpt2Config, resolveGpt2Config, writeGpt2Config } from "./config.ts";
import { buildGpt2, gpt2ParameterName, gpt2ParameterSpecs } from "./model.ts";

export const gpt2 = defineModelFamily<Gpt2Config>({
  modelType: "gpt2",
  configSchema: Gpt2Config,
  resolveConfig: resolveGpt2Config,
  readConfig: readGpt2Config,
  writeConfig: writeGpt2Config,
  parameterSpecs: gpt2ParameterSpecs,
  parameterName: gpt2ParameterName,
  tiedName: (config, name) =>
    config.tieWordEmbeddings && name === "lm_head.weight" ? "transformer.wte.weight" : undefined,
  build: buildGpt2,
});
