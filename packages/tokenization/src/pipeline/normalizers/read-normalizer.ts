import { asArray, asFlag, asObject, asString, type JsonObject } from "../../json-reader.ts";
import { unsupported } from "../../tokenizer-json.ts";
import type { AlignedText } from "../aligned-text.ts";
import { checkDepth, checkGrowth } from "../limits.ts";
import { readPattern } from "../regex/expression.ts";
import { readBertNormalizer } from "./bert.ts";
import { bytesToCharacters } from "./byte-level.ts";
import { lowercase, stripAccents, stripper } from "./letters.ts";
import { nmt } from "./nmt.ts";
import type { Normalizer } from "./normalizer.ts";
import { readPrecompiled } from "./precompiled.ts";
import { normalizationForm } from "./unicode-forms.ts";

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
export function readNormalizer(value: unknown, path = "normalizer", depth = 0): Normalizer | undefined {
  if (value === undefined || value === null) return undefined;
  checkDepth(depth, path);
  const where = `tokenizer.json: ${path}`;
  const options: JsonObject = asObject(value, where);
  switch (options.type) {
    case "Sequence": {
      const steps = asArray(options.normalizers, `${where}.normalizers`).map(
        (one, index) => readNormalizer(asObject(one, where), `${path}.normalizers[${index}]`, depth + 1)!,
      );
      return (text) =>
        steps.reduce((before, step) => {
          const after = step(before);
          checkGrowth(text.text.length, after.text.length);
          return after;
        }, text);
    }
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return normalizationForm(options.type);
    case "BertNormalizer":
      return readBertNormalizer(options, where);
    case "Lowercase":
      return lowercase;
    case "Strip":
      return stripper(
        asFlag(options.strip_left, `${where}.strip_left`),
        asFlag(options.strip_right, `${where}.strip_right`),
      );
    case "StripAccents":
      return stripAccents;
    case "Replace": {
      const find = readPattern(options.pattern, `${path}.pattern`);
      const content = asString(options.content, `${where}.content`);
      return (text: AlignedText) => (text.text === "" ? text : text.replace(find(text.text), content));
    }
    case "Prepend": {
      const prefix = asString(options.prepend, `${where}.prepend`);
      return (text) => text.prepend(prefix);
    }
    case "Precompiled":
      return readPrecompiled(options, where);
    case "Nmt":
      return nmt;
    case "ByteLevel":
      return bytesToCharacters;
    default:
      throw unsupported(`${path}.type`, "a normalizer of tokenizers 0.23", options.type);
  }
}
