import { createStream, type RandomStream } from "@codex/random";
import { sample } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.ts";
import type { LanguageModel } from "../language-model.ts";
import type { KeyValueCache } from "../layers/decoder-cache.ts";
import { type GenerationOptions, parseGenerationOptions, type SamplingOptions } from "./options.ts";
import { sampleToken, uniformAt } from "./sampling.ts";

/**
 * Why a generation ended: `stop` a stop token or `shouldStop`; `length` maxNewTokens; `context` no position is left in the model;
 * `aborted` the signal.
 */
export type FinishReason = "stop" | "length" | "context" | "aborted";

export interface GenerateOptions extends Partial<GenerationOptions> {
  /** Ends the generation after the token at hand; what was generated so far is kept. */
  readonly signal?: AbortSignal;
  /** Asked after each token, with all generated ones; true ends the generation. For stop strings, see `createStopStrings`. */
  readonly shouldStop?: (generated: readonly number[]) => boolean;
  /** Called with each token as it comes, stop token included. */
  readonly onToken?: (tokenId: number) => void;
}

export interface GenerationResult {
  /** What was generated, without the prompt; a stop token is its last element. */
  readonly tokenIds: readonly number[];
  readonly finishReason: FinishReason;
}

/**
 * Continues a prompt.
 *
 * @param promptIds - at least one token id
 * @throws {ModelError} `MODEL_PROMPT_INVALID`, `MODEL_PROMPT_TOO_LONG`, `MODEL_GENERATION_OPTIONS_INVALID`, `MODEL_LOGITS_NOT_FINITE`
 */
export async function generate(
  model: LanguageModel,
  promptIds: ArrayLike<number>,
  options: GenerateOptions = {},
): Promise<GenerationResult> {
  const stream = generateStream(model, promptIds, options);
  const tokenIds: number[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done) return { tokenIds, finishReason: next.value };
    tokenIds.push(next.value);
  }
}

/**
 * Continues a prompt token by token: yields each token id, returns the reason of the end. Other work of the process gets its turn between
 * tokens. Leaving the loop early frees what the generation holds.
 *
 * @throws {ModelError} as `generate`, at the first `next()`
 */
export async function* generateStream(
  model: LanguageModel,
  promptIds: ArrayLike<number>,
  options: GenerateOptions = {},
): AsyncGenerator<number, FinishReason, undefined> {
  const { signal, shouldStop, onToken, ...configurable } = options;
  const parsed = parseGenerationOptions(configurable);
  const context = model.config.maxPositionEmbeddings;
  const sequence = checkPrompt(model, promptIds);
  const promptLength = sequence.length;
  const stopTokenIds = new Set(parsed.stopTokenIds ?? [model.config.eosTokenId ?? []].flat());
  const random = createStream(parsed.seed, "sampling");
  const cache = model.createCache?.(Math.min(context, promptLength + parsed.maxNewTokens));
  try {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve)); // some devices compute inside of `logits`: let timers and sockets run
      if (signal?.aborted) return "aborted";
      const token = await nextToken(model, sequence, cache, parsed, random);
      sequence.push(token);
      onToken?.(token);
      yield token;
      if (stopTokenIds.has(token) || shouldStop?.(sequence.slice(promptLength))) return "stop";
      if (sequence.length - promptLength >= parsed.maxNewTokens) return "length";
      if (sequence.length > context) return "context";
    }
  } finally {
    cache?.dispose();
  }
}

/** The token after `sequence`, of which only the new positions are computed where there is a cache. */
async function nextToken(
  model: LanguageModel,
  sequence: readonly number[],
  cache: KeyValueCache | undefined,
  options: SamplingOptions,
  random: RandomStream,
): Promise<number> {
  const fresh = sequence.slice(cache?.length ?? 0);
  const inputIds = tf.tensor2d(fresh, [1, fresh.length], "int32");
  const logits = model.logits(inputIds, { lastOnly: true, ...(cache === undefined ? {} : { cache }) });
  try {
    const token = await sampleOnDevice(logits, sequence, options, random);
    if (token !== undefined) return token;
    return sampleToken((await logits.data()) as Float32Array, sequence, options, random, sequence.length);
  } finally {
    tf.dispose([inputIds, logits]);
  }
}

/** As `sampleToken`, but only the token comes back. Undefined where the device cannot, or found logits that are for `sampleToken` to refuse. */
async function sampleOnDevice(
  logits: tf.Tensor3D,
  sequence: readonly number[],
  { temperature, topK, topP, minP, repetitionPenalty }: SamplingOptions,
  random: RandomStream,
): Promise<number | undefined> {
  const chosen = tf.tidy(() =>
    sample(tf.reshape(logits, [1, logits.shape[2]]), {
      ...{ temperature, topK, topP, minP, repetitionPenalty },
      uniforms: [uniformAt(random, sequence.length)],
      ...(repetitionPenalty === 1 ? {} : { context: tf.tensor2d([...sequence], [1, sequence.length], "int32") }),
    }),
  );
  if (chosen === undefined) return undefined;
  const [token = -1] = await chosen.data();
  chosen.dispose();
  return token < 0 ? undefined : token;
}

function checkPrompt(model: LanguageModel, promptIds: ArrayLike<number>): number[] {
  const { vocabSize, maxPositionEmbeddings: context } = model.config;
  const prompt = Array.from(promptIds);
  if (prompt.length === 0) {
    throw new ModelError("MODEL_PROMPT_INVALID", "prompt: expected at least one token id, got none", {
      help: "To start from nothing, give the beginning-of-text or end-of-text token.",
    });
  }
  const foreign = prompt.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (foreign >= 0) {
    throw new ModelError(
      "MODEL_PROMPT_INVALID",
      `prompt: position ${foreign}: expected a token id of 0 .. ${vocabSize - 1}, got ${prompt[foreign]}`,
      {
        help: "Is this the tokenizer that the model was trained with?",
      },
    );
  }
  if (prompt.length > context) {
    throw new ModelError(
      "MODEL_PROMPT_TOO_LONG",
      `prompt: the model's context is ${context} tokens, got ${prompt.length}`,
      {
        help: "Shorten the prompt; its end matters most.",
      },
    );
  }
  return prompt;
}
