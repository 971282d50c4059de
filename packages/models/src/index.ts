export {
  type CreateModelOptions,
  createModel,
  findModelFamily,
  MODEL_FAMILIES,
  parseModelConfig,
} from "./create-model.ts";
export { ModelError, type ModelErrorCode } from "./errors.ts";
export { defineModelFamily, type ModelFamily } from "./families/family.ts";
export { Gpt2Config } from "./families/gpt2/config.ts";
export { gpt2 } from "./families/gpt2/index.ts";
export { LlamaConfig } from "./families/llama/config.ts";
export { llama } from "./families/llama/index.ts";
export { loadModel } from "./files/load-model.ts";
export { type ReadModelConfigOptions, readModelConfig } from "./files/read-config.ts";
export { type HostTensor, hostTensors, modelFiles, type SaveModelOptions, saveModel } from "./files/save-model.ts";
export {
  type FinishReason,
  type GenerateOptions,
  type GenerationResult,
  generate,
  generateStream,
} from "./generation/generate.ts";
export { GenerationOptions, parseGenerationOptions, SamplingOptions } from "./generation/options.ts";
export { argMax, drawToken, filterLogits, sampleToken, softmax } from "./generation/sampling.ts";
export { createStopStrings, type StopStrings } from "./generation/stop-strings.ts";
export type {
  LanguageModel,
  LogitsOptions,
  LossContext,
  LossResult,
  ModelConfig,
  Parameter,
  TrainingBatch,
} from "./language-model.ts";
export {
  createCausalLanguageModel,
  type Decoder,
  type DropoutPlace,
  type ForwardPass,
  type PassLinearOptions,
} from "./layers/causal-language-model.ts";
export type { KeyValueCache } from "./layers/decoder-cache.ts";
export {
  createParameters,
  type Initialization,
  type ParameterSpec,
  type Parameters,
  type Weights,
  weightsOf,
} from "./layers/parameters.ts";
export { RopeParameters, rotaryAngles, rotaryFrequencies } from "./layers/rotary.ts";
export { checkVocabulary } from "./vocabulary.ts";
