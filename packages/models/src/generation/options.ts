import Type from "typebox";
import Value from "typebox/value";
import { ModelError } from "../errors.ts";

/** How the next token is chosen. The words and their meaning are those of transformers' GenerationConfig. */
export const SamplingOptions = Type.Object(
  {
    temperature: Type.Number({
      minimum: 0,
      default: 1,
      description: "Divides the logits; 0 takes the most likely token (greedy).",
    }),
    topK: Type.Integer({ minimum: 0, default: 0, description: "Keeps the k most likely tokens; 0 keeps all." }),
    topP: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: 1,
      description: "Keeps the smallest set of likely tokens whose probabilities reach p; 1 keeps all.",
    }),
    minP: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0,
      description: "Keeps tokens of at least this share of the highest probability.",
    }),
    repetitionPenalty: Type.Number({
      exclusiveMinimum: 0,
      default: 1,
      description: "Above 1 makes tokens of the prompt and the output less likely; 1 changes nothing.",
    }),
  },
  { additionalProperties: false },
);
export type SamplingOptions = Type.Static<typeof SamplingOptions>;

/** Everything about a generation that a configuration file can say. */
export const GenerationOptions = Type.Object(
  {
    ...SamplingOptions.properties,
    maxNewTokens: Type.Integer({ minimum: 1, default: 64, description: "Tokens to generate at most." }),
    seed: Type.Integer({
      minimum: 0,
      default: 0,
      description: "Seed of the draws: the same seed, prompt and weights give the same tokens.",
    }),
    stopTokenIds: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0 }), {
        description: "Token ids that end the output; default: the model's eosTokenId.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type GenerationOptions = Type.Static<typeof GenerationOptions>;

/** Fills the defaults and checks the ranges. @throws {ModelError} `MODEL_GENERATION_OPTIONS_INVALID` naming each bad option */
export function parseGenerationOptions(options: Partial<GenerationOptions>): GenerationOptions {
  const filled = Value.Default(GenerationOptions, structuredClone(options));
  if (Value.Check(GenerationOptions, filled)) return filled;
  const problems = Value.Errors(GenerationOptions, filled).map(
    ({ instancePath, message }) => `${instancePath.slice(1) || "options"}: ${message}`,
  );
  throw new ModelError(
    "MODEL_GENERATION_OPTIONS_INVALID",
    `generation: ${problems.join("; ")}; got ${JSON.stringify(options)}`,
  );
}
