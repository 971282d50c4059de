import { ModelError } from "./errors.ts";

/**
 * Checks that a tokenizer and a model speak of the same token ids.
 * @throws {ModelError} `MODEL_VOCABULARY_MISMATCH`
 */
export function checkVocabulary(
  model: { readonly config: { readonly vocabSize: number } },
  tokenizer: { readonly vocabSize: number },
): void {
  const { vocabSize } = model.config;
  if (tokenizer.vocabSize === vocabSize) return;
  throw new ModelError(
    "MODEL_VOCABULARY_MISMATCH",
    `vocabulary: the model has ${vocabSize} token ids, the tokenizer ${tokenizer.vocabSize}`,
    {
      help: "Use the tokenizer that the model was trained with.",
    },
  );
}
