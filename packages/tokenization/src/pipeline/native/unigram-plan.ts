import { asArray, asString, isObject, type JsonObject } from "../../json-reader.ts";
import type { NativePreprocessing, NativeStep } from "../../native/unigram-binding.ts";
import type { TokenizerJson } from "../../tokenizer-json.ts";
import { loneSurrogateIndex } from "../../utf8.ts";
import { readMetaspace } from "../pre-tokenizers/metaspace.ts";
import { changesUnits, type LearnedUnits, unitLearner } from "./text-units.ts";

/** What the native library does before the model. */
export interface UnigramPlan extends NativePreprocessing {
  /** For the step `units`. */
  readonly learn: (units: readonly string[]) => LearnedUnits;
}

/** Undefined for a normalizer or pre-tokenizer that the native library does not have. @param json - of a tokenizer that was read */
export function planUnigram(json: TokenizerJson): UnigramPlan | undefined {
  const normalizers = flatten(json.normalizer, "normalizers");
  const preTokenizers = flatten(json.pre_tokenizer, "pretokenizers");
  const splitsWhiteSpace = preTokenizers[0]?.type === "WhitespaceSplit";
  const [metaspace, ...others] = splitsWhiteSpace ? preTokenizers.slice(1) : preTokenizers;
  if (others.length > 0 || (metaspace !== undefined && metaspace.type !== "Metaspace")) return undefined;
  const steps = planSteps(normalizers);
  if (steps === undefined) return undefined;
  const plan = { steps, splitsWhiteSpace, learn: unitLearner(normalizers.filter(changesUnits)) };
  if (metaspace === undefined) return plan;
  const { replacement, prependScheme, split } = readMetaspace(metaspace, "tokenizer.json: pre_tokenizer");
  if (loneSurrogateIndex(replacement) >= 0) return undefined;
  return { ...plan, metaspace: { replacement, prepend: prependScheme, split } };
}

function planSteps(normalizers: readonly JsonObject[]): NativeStep[] | undefined {
  const steps: NativeStep[] = [];
  for (const normalizer of normalizers) {
    const step = planStep(normalizer);
    if (step === undefined) return undefined;
    if (step.kind !== "units") steps.push(step);
    else if (steps.at(-1)?.kind !== "units") {
      if (steps.some(({ kind }) => kind === "units")) return undefined;
      steps.push(step);
    }
  }
  return steps;
}

function planStep(normalizer: JsonObject): NativeStep | undefined {
  if (changesUnits(normalizer)) return { kind: "units" };
  switch (normalizer.type) {
    case "Strip":
      return { kind: "strip", left: normalizer.strip_left === true, right: normalizer.strip_right === true };
    case "Prepend": {
      const content = asString(normalizer.prepend, "prepend");
      return content === "" || loneSurrogateIndex(content) >= 0 ? undefined : { kind: "prepend", content };
    }
    case "Replace": {
      const content = asString(normalizer.content, "content");
      if (loneSurrogateIndex(content) >= 0 || !isObject(normalizer.pattern)) return undefined;
      const { String: find, Regex: expression } = normalizer.pattern;
      if (find === undefined) return expression === " {2,}" ? { kind: "replaceSpaces", content } : undefined;
      const isFindable = typeof find === "string" && find !== "" && loneSurrogateIndex(find) < 0;
      return isFindable ? { kind: "replace", find, content } : undefined;
    }
    default:
      return undefined;
  }
}

/** The parts of a sequence, and of sequences in it; one part is a sequence of one. */
function flatten(value: unknown, field: string): JsonObject[] {
  if (!isObject(value)) return [];
  if (value.type !== "Sequence") return [value];
  return asArray(value[field], field).flatMap((part) => flatten(part, field));
}
