/**
 * Which pipelines can take a text in segments, so that a segment which comes again need not be encoded again: those for
 * which a text that is cut before a space, after a printable character of ASCII, gives the tokens of its two parts.
 * Every step of the pipeline has to see to that: a normalizer, that it changes both parts alike whether they are one text
 * or two; and some pre-tokenizer, that no piece goes across the cut.
 */
import { isObject, type JsonObject } from "../json-reader.ts";
import { PRE_TOKENIZER_BY_PATTERN } from "../pre-tokenizer.ts";
import { AlignedText } from "./aligned-text.ts";
import { readPrecompiled } from "./normalizers/precompiled.ts";

/** How a segment that is not the first is treated, and where else a text can be cut. */
export interface Continuation {
  /** Without what is put in front of a text, or taken away there. */
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  /** Each sign of ASCII is a piece of its own, so that a text can be cut on both sides of it where that is ASCII. */
  readonly isolatesSigns: boolean;
  /** So is each Chinese character (U+4E00 to U+9FFF), whatever is beside it. */
  readonly isolatesIdeographs: boolean;
}

const SPACE_MARK = "\u2581";
const BYTE_SPACE = "\u0120"; // the character of the byte 0x20

const LETTERS = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const SMALL_LETTERS = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

/** More expressions that begin a piece at a space: those of Mistral's tekken, DeepSeek 3 and, newly spelled, cl100k. */
const CUTTING: ReadonlySet<string> = new Set([
  `[^\\r\\n\\p{L}\\p{N}]?${LETTERS}*${SMALL_LETTERS}+|[^\\r\\n\\p{L}\\p{N}]?${LETTERS}+${SMALL_LETTERS}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
]);

/** Expressions that no space is in, of the steps before those: DeepSeek 3. */
const SPACELESS: ReadonlySet<string> = new Set(["\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+"]);

/** A step as it is for segments that follow, and what the space at their start may be after it. */
interface Step {
  readonly json: JsonObject | undefined;
  readonly marks: string;
  /** Whether there are pieces from here on, none of which goes across a cut. */
  readonly cuts?: boolean;
}

/** @param json - a `tokenizer.json` whose parts were read before @returns undefined if texts have to be encoded whole */
export function continuationOf(json: JsonObject): Continuation | undefined {
  const normalized = continueNormalizer(json.normalizer, " ");
  if (normalized === undefined) return undefined;
  const cut = continuePreTokenizer(json.pre_tokenizer, normalized.marks);
  if (cut === undefined) return undefined;
  if (cut.cuts !== true && !(isObject(json.model) && keepsMarksApart(json.model, cut.marks))) return undefined;
  const { normalizer, pre_tokenizer: preTokenizer } = json;
  const isBert = isObject(normalizer) && normalizer.type === "BertNormalizer";
  const isolatesSigns =
    (isBert || !isObject(normalizer)) && isObject(preTokenizer) && preTokenizer.type === "BertPreTokenizer";
  return {
    normalizer: normalized.json,
    preTokenizer: cut.json,
    isolatesSigns,
    isolatesIdeographs: isolatesSigns && isBert && normalizer.handle_chinese_chars !== false,
  };
}

function continueNormalizer(value: unknown, marks: string): Step | undefined {
  if (!isObject(value)) return { json: undefined, marks };
  switch (value.type) {
    case "Sequence":
      return inTurn(value, "normalizers", marks, continueNormalizer);
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return areIn(marks, ` ${SPACE_MARK}`) ? { json: value, marks } : undefined; // nothing composes with these
    case "Lowercase":
    case "StripAccents":
      return areIn(marks, ` ${SPACE_MARK}`) ? { json: value, marks } : undefined;
    case "BertNormalizer":
    case "Nmt":
      return marks === " " ? { json: value, marks } : undefined;
    case "ByteLevel":
      return marks === " " ? { json: value, marks: BYTE_SPACE } : undefined;
    case "Strip": // what ends before a cut does not end in white space
      return { json: { ...value, strip_left: false }, marks };
    case "Prepend":
      return { json: undefined, marks };
    case "Replace":
      return continueReplace(value, marks);
    case "Precompiled":
      return marks === " " && keepsAscii(value) ? { json: value, marks } : undefined;
    default:
      return undefined;
  }
}

function continueReplace(value: JsonObject, marks: string): Step | undefined {
  const { pattern, content } = value;
  if (!isObject(pattern) || typeof content !== "string") return undefined;
  const becomesMark = content === " " || content === SPACE_MARK;
  if (pattern.Regex === " {2,}") return becomesMark ? { json: value, marks: union(marks, content) } : undefined;
  const { String: found } = pattern;
  if (typeof found !== "string" || found === "") return undefined;
  if (found.length === 1 && marks.includes(found)) {
    return becomesMark ? { json: value, marks: union(marks.replace(found, ""), content) } : undefined;
  }
  // Must not go across a cut, and must leave a printable character where there was one.
  const isApart = [...marks].every((mark) => !found.includes(mark));
  return isApart && (/^[!-~]+$/.test(content) || !/[!-~]/.test(found)) ? { json: value, marks } : undefined;
}

/** Between characters of ASCII a character map sees a boundary; it must not make something else of them. */
function keepsAscii(value: JsonObject): boolean {
  const normalize = readPrecompiled(value, "tokenizer.json: normalizer");
  const normalized = (text: string): string => normalize(AlignedText.of(text, false)).text;
  if (normalized(" ") !== " ") return false;
  for (let point = 0x21; point < 0x7f; point++) {
    if (!/^[!-~]$/.test(normalized(String.fromCharCode(point)))) return false;
  }
  return true;
}

function continuePreTokenizer(value: unknown, marks: string): Step | undefined {
  if (!isObject(value)) return { json: undefined, marks };
  const behavior = value.behavior;
  switch (value.type) {
    case "Sequence":
      return inTurn(value, "pretokenizers", marks, continuePreTokenizer);
    case "BertPreTokenizer":
    case "Whitespace":
    case "WhitespaceSplit":
      return marks === " " ? { json: value, marks, cuts: true } : undefined;
    case "ByteLevel":
      if (marks !== " ") return undefined;
      return value.use_regex === false ? { json: value, marks: BYTE_SPACE } : { json: value, marks, cuts: true };
    case "Metaspace": {
      const mark = value.replacement;
      if (typeof mark !== "string" || !areIn(marks, ` ${mark}`)) return undefined;
      return { json: withoutPrefix(value), marks: mark, cuts: value.split !== false };
    }
    case "Split":
      return continueSplit(value, marks);
    case "CharDelimiterSplit":
      return { json: value, marks, cuts: value.delimiter === marks };
    case "Punctuation":
      return behavior === undefined || behavior === "Isolated" || behavior === "Removed"
        ? { json: value, marks }
        : undefined;
    case "Digits":
      return { json: value, marks };
    default:
      return undefined;
  }
}

function continueSplit(value: JsonObject, marks: string): Step | undefined {
  const { pattern, behavior, invert = false } = value;
  if (!isObject(pattern)) return undefined;
  if (typeof pattern.Regex === "string") {
    // The known expressions begin a piece at a space, unless white space is before it, and their pieces cover the text.
    const keepsAll = behavior === "Isolated" || (behavior === "Removed" && invert === true);
    if (!keepsAll || marks !== " ") return undefined;
    if (PRE_TOKENIZER_BY_PATTERN.has(pattern.Regex) || CUTTING.has(pattern.Regex.replace('\\"', '"'))) {
      return { json: value, marks, cuts: true };
    }
    return SPACELESS.has(pattern.Regex) && invert !== true ? { json: value, marks } : undefined;
  }
  const { String: found } = pattern;
  if (typeof found !== "string" || found === "" || invert === true) return undefined;
  const isSimple = behavior === "Isolated" || behavior === "Removed";
  if (found === marks) {
    const cuts = isSimple || behavior === "MergedWithNext" || behavior === "Contiguous";
    return cuts ? { json: value, marks, cuts } : undefined;
  }
  return isSimple && [...marks].every((mark) => !found.includes(mark)) ? { json: value, marks } : undefined;
}

function inTurn(
  value: JsonObject,
  field: "normalizers" | "pretokenizers",
  marks: string,
  continueStep: (value: unknown, marks: string) => Step | undefined,
): Step | undefined {
  let step: Step = { json: undefined, marks };
  const steps: JsonObject[] = [];
  for (const one of value[field] as readonly unknown[]) {
    // Once there are pieces, a step does with each what it did before.
    const next: Step | undefined =
      step.cuts === true && isObject(one) ? { ...step, json: withoutPrefix(one) } : continueStep(one, step.marks);
    if (next === undefined) return undefined;
    if (next.json !== undefined) steps.push(next.json);
    step = next;
  }
  return { ...step, json: { ...value, [field]: steps } };
}

/** A `Metaspace` that puts its mark before the first piece of a text only puts none before those of a segment that follows. */
function withoutPrefix(value: JsonObject): JsonObject {
  if (Array.isArray(value.pretokenizers)) {
    return { ...value, pretokenizers: value.pretokenizers.map((one) => (isObject(one) ? withoutPrefix(one) : one)) };
  }
  return value.type === "Metaspace" && value.prepend_scheme === "first" ? { ...value, prepend_scheme: "never" } : value;
}

/** Of a model that gets the text as one piece: whether no token has a mark after something else. */
function keepsMarksApart(model: JsonObject, marks: string): boolean {
  const { type, vocab, merges, unk_token: unkToken } = model;
  if ((type ?? "BPE") !== "BPE" || !isObject(vocab) || !Array.isArray(merges)) return false;
  if (model.continuing_subword_prefix || model.end_of_word_suffix || typeof unkToken !== "string") return false;
  if (![...marks].every((mark) => Object.hasOwn(vocab, mark))) return false;
  const joins = (token: string): boolean => {
    for (let at = 1; at < token.length; at++) {
      if (marks.includes(token[at]!) && !marks.includes(token[at - 1]!)) return true;
    }
    return false;
  };
  if (merges.some((merge) => joins(Array.isArray(merge) ? merge.join("") : String(merge).replace(" ", ""))))
    return false;
  return model.ignore_merges !== true || !Object.keys(vocab).some(joins);
}

function areIn(marks: string, allowed: string): boolean {
  return [...marks].every((mark) => allowed.includes(mark));
}

function union(marks: string, mark: string): string {
  return marks.includes(mark) ? marks : marks + mark;
}
