import { generate, type LanguageModel } from "@codex/models";
import type { Tokenizer } from "@codex/tokenization";
import type { CodexConfig } from "./configuration/schema.ts";
import { PipelineError } from "./errors.ts";

/**
 * What samples and the closing completion are made with: the prompt of the report, or the end-of-text token to start from nothing.
 * The prompt is checked now, not when the training is done.
 * @returns the completion as it is with the weights at the time of the call; `undefined` when there is nothing to start from
 * @throws {PipelineError} `PIPELINE_CONFIG_INVALID` for a prompt that does not fit, or samples without one
 */
export function createCompletion(
  config: CodexConfig,
  model: LanguageModel,
  tokenizer: Tokenizer,
): (() => Promise<string>) | undefined {
  const { prompt = "", generation } = config.report;
  const ids =
    prompt === "" && tokenizer.endOfTextId !== undefined
      ? Uint32Array.of(tokenizer.endOfTextId)
      : tokenizer.encode(prompt);
  const context = model.config.maxPositionEmbeddings;
  if (ids.length > context) {
    throw new PipelineError(
      "PIPELINE_CONFIG_INVALID",
      `report.prompt: expected at most the model's context of ${context} tokens, got ${ids.length}`,
      {
        help: "Shorten the prompt, or raise model.maxPositionEmbeddings.",
      },
    );
  }
  if (ids.length === 0) {
    if (config.training.sampleEverySteps === 0) return undefined;
    throw new PipelineError(
      "PIPELINE_CONFIG_INVALID",
      `training.sampleEverySteps: expected report.prompt, and this ${tokenizer.kind} tokenizer has no end-of-text token to start from`,
      {
        help: "Set report.prompt to the text that samples go on from.",
      },
    );
  }
  return async () => prompt + tokenizer.decode((await generate(model, ids, generation)).tokenIds);
}
