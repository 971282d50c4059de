/**
 * Exact match and F1 of SQuAD (Rajpurkar et al. 2016, and 2018 for texts without words), by the official script: texts
 * are compared in lower case, without punctuation, articles and extra white space.
 */
import Type, { type Static } from "typebox";
import { CompensatedSum } from "./compensated-sum.ts";
import type { EvaluationRow, TextMetric } from "./metric.ts";
import { empty } from "./token-metrics.ts";

export const TextMetricOptions = Type.Object(
  {
    normalization: Type.Union([Type.Literal("squad"), Type.Literal("none")], {
      default: "squad",
      description: "squad: without case, punctuation, English articles and extra white space; none: as it is.",
    }),
  },
  { additionalProperties: false, description: "Comparison of a prediction with its target." },
);
export type TextMetricOptions = Static<typeof TextMetricOptions>;

/** Share of predictions that equal their target. `n`: rows. */
export function createExactMatch({ normalization = "squad" }: Partial<TextMetricOptions> = {}): TextMetric {
  const prepare = normalization === "squad" ? normalizeAnswer : (text: string) => text;
  return meanOverRows("exact_match", ({ target, prediction }) => (prepare(target) === prepare(prediction) ? 1 : 0));
}

/** Mean over rows of the F1 of the words that prediction and target share. `n`: rows. */
export function createF1({ normalization = "squad" }: Partial<TextMetricOptions> = {}): TextMetric {
  const prepare = normalization === "squad" ? normalizeAnswer : (text: string) => text;
  return meanOverRows("f1", ({ target, prediction }) => wordF1(words(prepare(prediction)), words(prepare(target))));
}

const PUNCTUATION = /[!-/:-@[-`{-~]/g; // Python's string.punctuation
// Python's \b and split(): by Unicode, unlike JavaScript's.
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;
const SPACE = /\p{White_Space}+/u;

/** The normalisation of SQuAD. */
export function normalizeAnswer(text: string): string {
  return words(text.toLowerCase().replace(PUNCTUATION, "").replace(ARTICLES, " ")).join(" ");
}

function words(text: string): string[] {
  return text.split(SPACE).filter((word) => word !== "");
}

function wordF1(prediction: readonly string[], target: readonly string[]): number {
  if (prediction.length === 0 || target.length === 0) return prediction.length === target.length ? 1 : 0;
  const left = new Map<string, number>();
  for (const word of target) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of prediction) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    common++;
  }
  // 2PR / (P + R) with P = common / prediction and R = common / target.
  return (2 * common) / (prediction.length + target.length);
}

function meanOverRows(name: string, score: (row: EvaluationRow) => number): TextMetric {
  const total = new CompensatedSum();
  let n = 0;
  return {
    name,
    kind: "text",
    update(rows) {
      for (const row of rows) {
        total.add(score(row));
        n++;
      }
    },
    result() {
      if (n === 0) throw empty(name, "rows");
      return { value: total.value / n, n };
    },
  };
}
