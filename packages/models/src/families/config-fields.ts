/**
 * Reads config.json field by field. Every field has to be accounted for: read, known not to change the maths, or known to be neutral
 * at its value. Whatever is left is refused by name, because a field that is ignored may be the one that changes the model.
 */
import { ModelError } from "../errors.ts";

/** Fields that transformers, or a publisher of models, writes and that do not touch the forward pass of a decoder. */
const HARMLESS: ReadonlySet<string> = new Set([
  "architectures",
  "auto_map",
  "bad_words_ids",
  "begin_suppress_tokens",
  "decoder_start_token_id",
  "diversity_penalty",
  "do_sample",
  "dtype",
  "early_stopping",
  "encoder_no_repeat_ngram_size",
  "exponential_decay_length_penalty",
  "finetuning_task",
  "forced_bos_token_id",
  "forced_eos_token_id",
  "gradient_checkpointing",
  "id2label",
  "is_decoder",
  "is_llama_config",
  "keys_to_ignore_at_inference",
  "label2id",
  "length_penalty",
  "max_length",
  "max_new_tokens",
  "max_sequence_length",
  "min_length",
  "no_repeat_ngram_size",
  "num_beam_groups",
  "num_beams",
  "num_labels",
  "num_return_sequences",
  "output_attentions",
  "output_hidden_states",
  "output_past",
  "output_scores",
  "prefix",
  "problem_type",
  "remove_invalid_values",
  "renormalize_logits",
  "repetition_penalty",
  "return_dict",
  "return_dict_in_generate",
  "sep_token_id",
  "suppress_tokens",
  "task_specific_params",
  "temperature",
  "tf_legacy_loss",
  "tokenizer_class",
  "top_k",
  "top_p",
  "torch_dtype",
  "torchscript",
  "transformers.js_config",
  "transformers_version",
  "typical_p",
  "unsloth_fixed",
  "unsloth_version",
  "use_cache",
]);

const SPECIAL_TOKENS = [
  ["bosTokenId", "bos_token_id", false],
  ["eosTokenId", "eos_token_id", true],
  ["padTokenId", "pad_token_id", false],
] as const;

export interface SpecialTokenIds {
  bosTokenId?: number;
  eosTokenId?: number | number[];
  padTokenId?: number;
}

type Json = Readonly<Record<string, unknown>>;

export interface ConfigFields {
  number(name: string, fallback?: number): number;
  integer(name: string, fallback?: number): number;
  boolean(name: string, fallback: boolean): boolean;
  text(name: string, fallback?: string): string;
  optionalInteger(name: string): number | undefined;
  /** `bos_token_id`, `eos_token_id` (one or several) and `pad_token_id`, as far as they are there. */
  specialTokens(): SpecialTokenIds;
  object(name: string): Json | undefined;
  /** Accepts the fields only at a value that changes nothing; null, {} and absence are neutral too. @throws {ModelError} `MODEL_CONFIG_UNSUPPORTED` */
  requireNeutral(neutral: Readonly<Record<string, unknown>>): void;
  /** Ends the reading: fields that nobody asked for and that are not known to be harmless are refused by name. */
  finish(harmless?: readonly string[]): void;
}

/** @param where - path of the file, for messages. @throws {ModelError} `MODEL_CONFIG_INVALID` from each reader when a field is missing or mistyped */
export function readConfigFields(json: Json, where: string): ConfigFields {
  const seen = new Set<string>();
  const take = (name: string): unknown => {
    seen.add(name);
    return Object.hasOwn(json, name) ? (json[name] ?? undefined) : undefined;
  };
  const invalid = (name: string, expected: string, value: unknown) => mistyped(where, name, expected, value);
  const typed = <T>(
    name: string,
    fallback: T | undefined,
    expected: string,
    accepts: (value: unknown) => boolean,
  ): T => {
    const value = take(name) ?? fallback;
    if (!accepts(value)) throw invalid(name, expected, value);
    return value as T;
  };
  const isInteger = (value: unknown): boolean => Number.isSafeInteger(value);
  return {
    number: (name, fallback) => typed(name, fallback, "a finite number", Number.isFinite),
    integer: (name, fallback) => typed(name, fallback, "an integer", isInteger),
    boolean: (name, fallback) => typed(name, fallback, "true or false", (value) => typeof value === "boolean"),
    text: (name, fallback) => typed(name, fallback, "a string", (value) => typeof value === "string"),
    optionalInteger(name) {
      const value = take(name);
      if (value !== undefined && !isInteger(value)) throw invalid(name, "an integer or null", value);
      return value as number | undefined;
    },
    specialTokens() {
      for (const [, name] of SPECIAL_TOKENS) seen.add(name);
      return readSpecialTokens(json, where);
    },
    object(name) {
      const value = take(name);
      if (value !== undefined && (typeof value !== "object" || Array.isArray(value)))
        throw invalid(name, "an object or null", value);
      return value as Json | undefined;
    },
    requireNeutral(neutral) {
      for (const [name, expected] of Object.entries(neutral)) {
        const value = take(name);
        if (value !== undefined && value !== expected && JSON.stringify(value) !== "{}") {
          throw unsupported(where, name, value, expected === undefined ? "absent" : describe(expected));
        }
      }
    },
    finish(harmless = []) {
      for (const name of Object.keys(json)) {
        if (seen.has(name) || HARMLESS.has(name) || harmless.includes(name) || name.startsWith("_")) continue;
        throw unsupported(where, name, json[name], "absent");
      }
    },
  };
}

/** The special tokens of config.json or generation_config.json, as far as they are there. @throws {ModelError} `MODEL_CONFIG_INVALID` */
export function readSpecialTokens(json: Json, where: string): SpecialTokenIds {
  const isTokenId = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  const ids: Record<string, unknown> = {};
  for (const [key, name, several] of SPECIAL_TOKENS) {
    const value = json[name] ?? -1; // -1: what early Llama files write for none
    if (value === -1) continue;
    const isList = several && Array.isArray(value) && value.every(isTokenId);
    if (!isTokenId(value) && !isList)
      throw mistyped(where, name, `a token id${several ? ", a list of them" : ""} or null`, value);
    ids[key] = value;
  }
  return ids;
}

/** The refusal of a field, or of a value, that this family does not implement. */
export function unsupported(where: string, name: string, value: unknown, expected: string): ModelError {
  return new ModelError(
    "MODEL_CONFIG_UNSUPPORTED",
    `${where}: ${name}: this model family supports ${expected} only, got ${describe(value)}`,
    {
      help: "The field may change what the model computes, so it is not ignored. If it is only a note, remove it from config.json.",
    },
  );
}

function mistyped(where: string, name: string, expected: string, value: unknown): ModelError {
  return new ModelError("MODEL_CONFIG_INVALID", `${where}: ${name}: expected ${expected}, got ${describe(value)}`);
}

function describe(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
