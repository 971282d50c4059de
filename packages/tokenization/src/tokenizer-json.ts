/**
 * The parts of a Hugging Face `tokenizer.json` that this package understands, read and checked. A file that asks for
 * anything else is refused by the name of the field: ignoring one would give other ids.
 */
import { TokenizerError } from "./errors.ts";
import { asArray, asFlag, asId, asObject, asString, invalid, isObject, type JsonObject } from "./json-reader.ts";
import { loneSurrogateIndex } from "./utf8.ts";

/** The contents of a `tokenizer.json`, as `JSON.parse` gives them. Not to be changed. */
export interface TokenizerJson {
  readonly version: string;
  readonly model: JsonObject;
  readonly [field: string]: unknown;
}

/** An entry of `added_tokens`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  /** Searched for after normalisation, that is after those for which this is false. */
  readonly normalized: boolean;
}

/** What is put around a text. */
export interface Template {
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
}

const FILE = "tokenizer.json";

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID` */
export function asTokenizerJson(json: unknown): TokenizerJson {
  const file = asObject(json, FILE);
  asString(file.version, `${FILE}: version`);
  asObject(file.model, `${FILE}: model`);
  return file as TokenizerJson;
}

export function unsupported(field: string, supported: string, value: unknown): TokenizerError {
  return new TokenizerError(
    "TOKENIZER_UNSUPPORTED",
    `${FILE}: ${field}: supported is ${supported}, got ${JSON.stringify(value)?.slice(0, 120) ?? "nothing"}`,
  );
}

/** Refuses a field that is set to anything but one of `allowed`; absent counts as null. */
export function requireField(object: JsonObject, field: string, path: string, allowed: readonly unknown[]): void {
  const value = object[field] ?? null;
  if (!allowed.includes(value))
    throw unsupported(`${path}${field}`, allowed.map((one) => JSON.stringify(one)).join(" or "), value);
}

export function readVocab(model: JsonObject): Map<string, number> {
  const vocab = new Map<string, number>();
  const tokens = new Map<number, string>();
  for (const [token, value] of Object.entries(asObject(model.vocab, `${FILE}: model.vocab`))) {
    const where = `${FILE}: model.vocab[${JSON.stringify(token)}]`;
    const id = asId(value, where);
    const other = tokens.get(id);
    if (other !== undefined) invalid(where, `an id that ${JSON.stringify(other)} does not have`, id);
    vocab.set(token, id);
    tokens.set(id, token);
  }
  return vocab;
}

/** Merges in order, as pairs of tokens; both spellings, `"a b"` and `["a", "b"]`, are read. */
export function readMerges(model: JsonObject): (readonly [string, string])[] {
  return asArray(model.merges, `${FILE}: model.merges`).map((merge, index) => {
    const parts = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(parts) || parts.length !== 2 || typeof parts[0] !== "string" || typeof parts[1] !== "string") {
      invalid(`${FILE}: model.merges[${index}]`, 'two tokens, "a b" or ["a", "b"]', merge);
    }
    return [parts[0], parts[1]] as const;
  });
}

/** @param refused - flags that the caller cannot honour; `TOKENIZER_UNSUPPORTED` is thrown where one is set */
export function readAddedTokens(
  file: JsonObject,
  vocab: ReadonlyMap<string, number>,
  refused: readonly string[] = ["single_word", "lstrip", "rstrip"],
): AddedToken[] {
  const byId = new Map<number, string>();
  for (const [token, id] of vocab) byId.set(id, token);
  return asArray(file.added_tokens ?? [], `${FILE}: added_tokens`).map((value, index) => {
    const path = `added_tokens[${index}]`;
    const entry = asObject(value, `${FILE}: ${path}`);
    const content = asString(entry.content, `${FILE}: ${path}.content`);
    const id = asId(entry.id, `${FILE}: ${path}.id`);
    for (const flag of refused) {
      if (asFlag(entry[flag], `${FILE}: ${path}.${flag}`)) throw unsupported(`${path}.${flag}`, "false", true);
    }
    if (content === "" || loneSurrogateIndex(content) >= 0)
      invalid(`${FILE}: ${path}.content`, "whole characters", content);
    const known = byId.get(id);
    if ((known !== undefined && known !== content) || (vocab.has(content) && vocab.get(content) !== id)) {
      invalid(`${FILE}: ${path}`, `the id and content that model.vocab has for it`, { id, content });
    }
    byId.set(id, content);
    const special = asFlag(entry.special, `${FILE}: ${path}.special`);
    return { id, content, special, normalized: asFlag(entry.normalized, `${FILE}: ${path}.normalized`, !special) };
  });
}

/** Reads the ids that a post-processor puts around a single text. */
export function readTemplate(postProcessor: unknown, path = "post_processor"): Template {
  if (postProcessor === undefined || postProcessor === null) return { prefix: [], suffix: [] };
  const processor = asObject(postProcessor, `${FILE}: ${path}`);
  switch (processor.type) {
    case "ByteLevel": // changes offsets only
      return { prefix: [], suffix: [] };
    case "BertProcessing":
    case "RobertaProcessing":
      return { prefix: [pairId(processor.cls, `${path}.cls`)], suffix: [pairId(processor.sep, `${path}.sep`)] };
    case "Sequence": {
      // Each processor works on the result of the one before it, so that later ones stand further out.
      const templates = asArray(processor.processors, `${FILE}: ${path}.processors`).map((one, index) =>
        readTemplate(one, `${path}.processors[${index}]`),
      );
      return {
        prefix: templates.toReversed().flatMap((template) => template.prefix),
        suffix: templates.flatMap((template) => template.suffix),
      };
    }
    case "TemplateProcessing":
      return readTemplateProcessing(processor, path);
    default:
      throw unsupported(
        `${path}.type`,
        "ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing or Sequence",
        processor.type,
      );
  }
}

function readTemplateProcessing(processor: JsonObject, path: string): Template {
  const specials = asObject(processor.special_tokens, `${FILE}: ${path}.special_tokens`);
  const prefix: number[] = [];
  const suffix: number[] = [];
  let sequences = 0;
  asArray(processor.single, `${FILE}: ${path}.single`).forEach((piece, index) => {
    const where = `${path}.single[${index}]`;
    const { Sequence: sequence, SpecialToken: special } = asObject(piece, `${FILE}: ${where}`);
    if (isObject(sequence)) {
      sequences++;
      return;
    }
    const name = asString(asObject(special, `${FILE}: ${where}`).id, `${FILE}: ${where}.SpecialToken.id`);
    const entry = asObject(specials[name], `${FILE}: ${path}.special_tokens[${JSON.stringify(name)}]`);
    const ids = asArray(entry.ids, `${FILE}: ${path}.special_tokens[${JSON.stringify(name)}].ids`);
    (sequences === 0 ? prefix : suffix).push(...ids.map((id) => asId(id, `${FILE}: ${where}`)));
  });
  if (sequences !== 1) throw unsupported(`${path}.single`, "a template with one sequence", processor.single);
  return { prefix, suffix };
}

/** `["[CLS]", 101]` */
function pairId(value: unknown, path: string): number {
  return asId(asArray(value, `${FILE}: ${path}`)[1], `${FILE}: ${path}[1]`);
}
