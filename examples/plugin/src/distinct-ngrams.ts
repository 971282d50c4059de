import { MetricsError, type TextMetric } from "@codex/metrics";
import type {} from "@codex/metrics/registry"; // declares the kind `metrics`
import type { RegistryKinds } from "@codex/registry";
import Type from "typebox";

export const DistinctNgramsOptions = Type.Object(
  {
    length: Type.Integer({ minimum: 1, maximum: 16, default: 2, description: "Words in an n-gram." }),
  },
  {
    additionalProperties: false,
    description: "Share of different word n-grams in the predictions: low means repetition.",
  },
);
export type DistinctNgramsOptions = Type.Static<typeof DistinctNgramsOptions>;

/**
 * Different n-grams of words divided by all n-grams, over all predictions together. `n`: all n-grams.
 * @see Li et al. (2016), "A Diversity-Promoting Objective Function for Neural Conversation Models", section 5.3 (distinct-1, distinct-2)
 */
export function createDistinctNgrams({ length = 2 }: Partial<DistinctNgramsOptions> = {}): TextMetric {
  const seen = new Set<string>();
  let total = 0;
  return {
    name: `distinct_${length}`,
    kind: "text",
    update(rows) {
      for (const { prediction } of rows) {
        const words = prediction.split(/\s+/).filter((word) => word !== "");
        for (let end = length; end <= words.length; end++) {
          seen.add(words.slice(end - length, end).join(" "));
          total++;
        }
      }
    },
    result() {
      if (total === 0) {
        throw new MetricsError(
          "METRICS_EMPTY",
          `distinct_${length}: expected predictions of ${length} words or more, got none`,
        );
      }
      return { value: seen.size / total, n: total };
    },
  };
}

/** The entry that package.json names. */
export const distinctNgrams: RegistryKinds["metrics"] = {
  configSchema: DistinctNgramsOptions,
  create: createDistinctNgrams,
};
