import { parseOverride, validateConfig } from "@codex/config";
import type { WordBudgets } from "@codex/tokenization";
import type { TokenizerProvider, TokenizerTrainingContext } from "@codex/tokenization/registry";
import type { TSchema } from "typebox";
import { PipelineError } from "../errors.ts";
import { openRegistries } from "../registries.ts";
import type { TextInputOptions } from "./text-input.ts";

export interface TrainTokenizerRequest extends TextInputOptions, WordBudgets {
  /** Files, folders or globs. */
  readonly input?: readonly string[];
  /** Instead: files of `countTokenizerWords`, one for each part of the corpus. */
  readonly counts?: readonly string[];
  /** The folder to write. */
  readonly output: string;
  /** A registered tokenizer that can be trained. Default: `bpe`. */
  readonly kind?: string;
  readonly vocabSize?: number;
  /** Any further option of that tokenizer. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The same as they are typed: `minFrequency=2`, `specialTokens.eos=</s>`. */
  readonly settings?: readonly string[];
  /** Threads, where there is the native library. The result does not depend on them. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: TokenizerTrainingContext["onProgress"];
}

export interface TokenizerTrainer {
  readonly kind: string;
  /** All of them, those that were not given too. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly train: NonNullable<TokenizerProvider["train"]>;
}

/**
 * The trainer that a request means, with its settings checked.
 * @throws {PipelineError} `PIPELINE_CONFIG_INVALID` for a tokenizer that needs no training, or for a request with both input and counts
 */
export async function openTrainer(request: TrainTokenizerRequest): Promise<TokenizerTrainer> {
  const { kind = "bpe", directory = process.cwd(), vocabSize, input, counts } = request;
  if ((input === undefined) === (counts === undefined)) {
    throw new PipelineError("PIPELINE_CONFIG_INVALID", "tokenizer training: expected either input or counts");
  }
  const { registries } = await openRegistries(directory);
  const entry = await registries.of("tokenizers").resolve(kind);
  const wanted: Record<string, unknown> = { ...request.options, ...(vocabSize === undefined ? {} : { vocabSize }) };
  for (const setting of request.settings ?? []) addSetting(wanted, setting);
  const settings = validateConfig(entry.configSchema as TSchema, wanted) as Record<string, unknown>;
  const provider = entry.create(settings as never);
  if (provider.train) return { kind, settings, train: provider.train.bind(provider) };
  throw new PipelineError(
    "PIPELINE_CONFIG_INVALID",
    `tokenizer "${kind}": expected one that is trained, this one is not`,
    { help: "Use it as it is: tokenizer.name in the configuration." },
  );
}

function addSetting(settings: Record<string, unknown>, text: string): void {
  const { kind, key, value } = parseOverride(text);
  if (kind !== "change") {
    throw new PipelineError("PIPELINE_CONFIG_INVALID", `${text}: expected key=value, for a tokenizer has no groups`);
  }
  const path = key.split(".");
  let at = settings;
  for (const step of path.slice(0, -1)) {
    const inner = at[step];
    const next = typeof inner === "object" && inner !== null ? { ...inner } : {};
    at[step] = next;
    at = next;
  }
  at[path.at(-1)!] = value;
}
