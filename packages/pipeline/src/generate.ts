import { type FinishReason, type GenerationOptions, generateStream } from "@codex/models";
import { openModel } from "./open-model.ts";

export interface GenerateRequest extends Partial<GenerationOptions> {
  /** A run, a checkpoint, or any Hugging Face model folder. */
  readonly checkpoint: string;
  readonly prompt: string;
  readonly device?: string;
  /** The project whose plugins are used. Default: the working directory. */
  readonly directory?: string;
  /** Called when the model is loaded and the prompt is taken. */
  readonly onStart?: () => void;
  /** Called with what a person must see, such as a damaged checkpoint that was passed over. */
  readonly onNotice?: (message: string) => void;
  /** Called with each piece of text as it becomes certain. */
  readonly onText?: (text: string) => void;
  /** An abort ends the generation after the token at hand. */
  readonly signal?: AbortSignal;
}

export interface GenerateResult {
  readonly prompt: string;
  /** What the model made of it, without the prompt. */
  readonly completion: string;
  readonly tokenIds: readonly number[];
  readonly finishReason: FinishReason;
}

/**
 * Completes a prompt with a trained model.
 *
 * ```ts
 * const { completion } = await generate({ checkpoint: "runs/my-run", prompt: "interface ", temperature: 0.8, seed: 7 });
 * ```
 *
 * @throws {ModelError} `MODEL_PROMPT_TOO_LONG`, and what opening the model throws
 */
export async function generate(request: GenerateRequest): Promise<GenerateResult> {
  const { checkpoint, prompt, device, directory, onStart, onNotice, onText, signal, ...sampling } = request;
  await using opened = await openModel({ checkpoint, device, directory, onNotice });
  const { model, tokenizer } = opened;
  const start =
    prompt === "" && tokenizer.endOfTextId !== undefined ? [tokenizer.endOfTextId] : tokenizer.encode(prompt);
  const decoder = tokenizer.streamDecoder();
  const tokenIds: number[] = [];
  let completion = "";
  let started = false;
  const say = (text: string): void => {
    completion += text;
    if (text !== "") onText?.(text);
  };
  const stream = generateStream(model, start, { ...sampling, ...(signal === undefined ? {} : { signal }) });
  for (;;) {
    const next = await stream.next();
    if (!started) onStart?.();
    started = true;
    if (next.done) {
      say(decoder.end());
      return { prompt, completion, tokenIds, finishReason: next.value };
    }
    tokenIds.push(next.value);
    say(decoder.push(next.value));
  }
}
