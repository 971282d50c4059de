import type {} from "@codex/models/registry"; // declares the kind `models`
import type { RegistryKinds } from "@codex/registry";
import Type from "typebox";
import Value from "typebox/value";
import { createNeuralNgram } from "./neural-ngram-model.ts";

/** What may stand under `model:` in a configuration beside `name: neural-ngram`. */
export const NeuralNgramOptions = Type.Object(
  {
    window: Type.Integer({ minimum: 1, maximum: 64, default: 4, description: "Tokens that a prediction looks at." }),
    embeddingSize: Type.Integer({ minimum: 1, default: 32, description: "Width of a token's embedding." }),
    hiddenSize: Type.Integer({ minimum: 1, default: 128, description: "Width of the tanh layer." }),
    maxPositionEmbeddings: Type.Integer({
      minimum: 1,
      default: 1024,
      description: "Longest sequence to train on and to generate, in tokens. The model itself has no limit.",
    }),
  },
  { additionalProperties: false, description: "Neural n-gram language model (Bengio et al. 2003)." },
);
export type NeuralNgramOptions = Type.Static<typeof NeuralNgramOptions>;

/** The entry that package.json names: `"neural-ngram": "./dist/index.js#neuralNgram"`. */
export const neuralNgram: RegistryKinds["models"] = {
  configSchema: NeuralNgramOptions,
  create(options: Partial<NeuralNgramOptions>, { seed, ...tokens }) {
    const filled = Value.Default(NeuralNgramOptions, { ...options }) as NeuralNgramOptions;
    return createNeuralNgram({ modelType: "neural-ngram", ...filled, ...tokens }, seed);
  },
};
