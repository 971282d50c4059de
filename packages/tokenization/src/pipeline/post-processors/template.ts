import { TokenizerError } from "../../errors.ts";
import { asArray, asId, asObject, asString, invalid, isObject, type JsonObject } from "../../json-reader.ts";
import { type Encoding, specialEncoding } from "../encoding.ts";
import type { PostProcessor } from "./post-processor.ts";

type Part =
  | { readonly sequence: 0 | 1; readonly typeId: number }
  | { readonly ids: readonly number[]; readonly tokens: readonly string[]; readonly typeId: number };

/** `TemplateProcessing`: special tokens and sequences in the order of a template, one for texts and one for pairs. */
export function readTemplateProcessing(options: JsonObject, where: string): PostProcessor {
  const specials = asObject(options.special_tokens, `${where}.special_tokens`);
  const readPart = (value: unknown, at: string): Part => {
    const { Sequence: sequence, SpecialToken: special } = asObject(value, at);
    if (isObject(sequence)) {
      if (sequence.id !== "A" && sequence.id !== "B") return invalid(`${at}.Sequence.id`, "A or B", sequence.id);
      return { sequence: sequence.id === "A" ? 0 : 1, typeId: asId(sequence.type_id, `${at}.Sequence.type_id`) };
    }
    const { id, type_id } = asObject(special, at);
    const name = asString(id, `${at}.SpecialToken.id`);
    const entryAt = `${where}.special_tokens[${JSON.stringify(name)}]`;
    const entry = asObject(Object.hasOwn(specials, name) ? specials[name] : undefined, entryAt);
    const ids = asArray(entry.ids, `${entryAt}.ids`).map((one) => asId(one, `${entryAt}.ids`));
    const tokens = asArray(entry.tokens, `${entryAt}.tokens`).map((one) => asString(one, `${entryAt}.tokens`));
    if (tokens.length !== ids.length) return invalid(`${entryAt}.tokens`, `${ids.length} tokens, one per id`, tokens);
    return { ids, tokens, typeId: asId(type_id, `${at}.SpecialToken.type_id`) };
  };
  const read = (name: string): Part[] =>
    asArray(options[name], `${where}.${name}`).map((part, index) => readPart(part, `${where}.${name}[${index}]`));
  const single = read("single");
  const pair = read("pair");
  if (single.some((part) => "sequence" in part && part.sequence === 1)) {
    return invalid(`${where}.single`, "a template without the sequence B", options.single);
  }
  const count = (parts: readonly Part[]): number =>
    parts.reduce((total, part) => total + ("sequence" in part ? 0 : part.ids.length), 0);
  return {
    addedTokens: (isPair) => count(isPair ? pair : single),
    process: (encodings, addSpecialTokens) => {
      if (encodings.length !== 1 && encodings.length !== 2) {
        throw new TokenizerError(
          "TOKENIZER_UNSUPPORTED",
          `${where}: expected to come before other processors that add tokens, got ${encodings.length} parts`,
        );
      }
      return (encodings.length === 2 ? pair : single).flatMap((part): Encoding[] => {
        if ("sequence" in part) {
          const encoding = encodings[part.sequence]!;
          return [{ ...encoding, typeIds: encoding.ids.map(() => part.typeId) }];
        }
        return addSpecialTokens ? [specialEncoding(part.ids, part.tokens, part.typeId)] : [];
      });
    },
  };
}
