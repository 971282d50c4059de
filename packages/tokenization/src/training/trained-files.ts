import type { JsonObject } from "../json-reader.ts";
import { type TokenizerManifest, type TrainerName, tokenizerSha256 } from "../manifest.ts";
import { type SpecialTokenOptions, specialAddedTokens, tokenizerConfig } from "../special-tokens.ts";
import type { TokenizerJson } from "../tokenizer-json.ts";
import { countedCorpus, type TrainingContext } from "./training-source.ts";
import type { WordCounts } from "./word-counts.ts";
import { NORMALIZER_JSON } from "./word-splitter.ts";

/** The files of a tokenizer that was trained: `parseTokenizer(json, { config, manifest })` makes it. */
export interface TrainedFiles {
  /** `tokenizer.json` */
  readonly json: TokenizerJson;
  /** `tokenizer_config.json` */
  readonly config: JsonObject;
  /** `tokenizer_manifest.json` */
  readonly manifest: TokenizerManifest;
}

export function trainedFiles(parts: {
  trainer: TrainerName;
  settings: Pick<TokenizerManifest["settings"], "vocab_size" | "min_frequency"> &
    Partial<TokenizerManifest["settings"]>;
  specialTokens: SpecialTokenOptions;
  /** Their ids are 0 and up. */
  special: readonly string[];
  /** `vocab_size` and `merges` of the result. */
  size: number;
  merges: number;
  counts: WordCounts;
  context: TrainingContext;
  stages: Pick<TokenizerJson, "model"> & { pre_tokenizer: JsonObject; decoder: JsonObject | null } & JsonObject;
}): TrainedFiles {
  const json: TokenizerJson = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialAddedTokens(parts.special.map((content, id) => ({ content, id }))),
    normalizer: null,
    post_processor: null,
    ...parts.stages,
  };
  const { pre_tokenizer, unicode_tables } = parts.counts.header;
  const manifest: TokenizerManifest = {
    schema_version: 1,
    trainer: { name: parts.trainer, version: 1 },
    settings: {
      pre_tokenizer,
      normalization: NORMALIZER_JSON[pre_tokenizer] ?? null,
      special_tokens: parts.specialTokens,
      unicode_tables,
      ...parts.settings,
    },
    corpus: countedCorpus(parts.counts, parts.context.inputs),
    result: { vocab_size: parts.size, merges: parts.merges, sha256: tokenizerSha256(json) },
  };
  return { json, config: tokenizerConfig(parts.specialTokens), manifest };
}
