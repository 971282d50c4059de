import { asArray, asFlag, asObject, asString, invalid, type JsonObject } from "../../json-reader.ts";
import { unsupported } from "../../tokenizer-json.ts";
import { checkDepth, checkGrowth } from "../limits.ts";
import { readMetaspace } from "../pre-tokenizers/metaspace.ts";
import { type FindAll, readPattern } from "../regex/expression.ts";
import { byteFallback, byteLevel } from "./bytes.ts";
import type { Decoder } from "./decoder.ts";
import { ctc, replaceAll, wordPiece } from "./word-piece.ts";

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
export function readDecoder(value: unknown, path = "decoder", depth = 0): Decoder | undefined {
  if (value === undefined || value === null) return undefined;
  checkDepth(depth, path);
  const where = `tokenizer.json: ${path}`;
  const options = asObject(value, where);
  const text = (field: string, missing: string): string => asString(options[field] ?? missing, `${where}.${field}`);
  switch (options.type) {
    case "Sequence": {
      const steps = asArray(options.decoders, `${where}.decoders`).map(
        (one, index) => readDecoder(asObject(one, where), `${path}.decoders[${index}]`, depth + 1)!,
      );
      return (tokens) => {
        const from = lengthOf(tokens);
        return steps.reduce(
          (before, step) => {
            const after = step(before);
            checkGrowth(from, lengthOf(after));
            return after;
          },
          [...tokens],
        );
      };
    }
    case "ByteLevel":
      return byteLevel;
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "WordPiece":
      return wordPiece({ prefix: text("prefix", "##"), cleanup: asFlag(options.cleanup, `${where}.cleanup`, true) });
    case "Metaspace":
      return metaspace(readMetaspace(options, where));
    case "BPEDecoder": {
      const suffix = text("suffix", "</w>");
      return (tokens) =>
        tokens.map((token, index) => replaceAll(token, suffix, index === tokens.length - 1 ? "" : " "));
    }
    case "Replace":
      return replace(readPattern(options.pattern, `${path}.pattern`), asString(options.content, `${where}.content`));
    case "Strip":
      return readStrip(options, where);
    case "CTC":
      return ctc({
        padToken: text("pad_token", "<pad>"),
        wordDelimiterToken: text("word_delimiter_token", "|"),
        cleanup: asFlag(options.cleanup, `${where}.cleanup`, true),
      });
    default:
      throw unsupported(`${path}.type`, "a decoder of tokenizers 0.23", options.type);
  }
}

/** The sign back to a space; in the first token it goes, since it may have been added. */
function metaspace({ replacement, prependScheme }: ReturnType<typeof readMetaspace>): Decoder {
  return (tokens) =>
    tokens.map((token, index) => replaceAll(token, replacement, index === 0 && prependScheme !== "never" ? "" : " "));
}

function lengthOf(tokens: readonly string[]): number {
  return tokens.reduce((sum, token) => sum + token.length, 0);
}

function replace(find: FindAll, content: string): Decoder {
  return (tokens) =>
    tokens.map((token) => {
      if (token === "") return "";
      let result = "";
      let at = 0;
      const found = find(token);
      checkGrowth(token.length, found.length * content.length);
      for (const [start, end] of found) {
        result += token.slice(at, start) + content;
        at = end;
      }
      return result + token.slice(at);
    });
}

/** `Strip`: up to `start` and `stop` of a character from the ends of each token. */
function readStrip(options: JsonObject, where: string): Decoder {
  const content = asString(options.content, `${where}.content`);
  if ([...content].length !== 1) return invalid(`${where}.content`, "one character", content);
  const count = (field: string): number => {
    const value = options[field];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    return invalid(`${where}.${field}`, "a whole number", value);
  };
  const atStart = count("start");
  const atEnd = count("stop");
  return (tokens) =>
    tokens.map((token) => {
      let start = 0;
      let end = token.length;
      for (let i = 0; i < atStart && token.startsWith(content, start); i++) start += content.length;
      for (let i = 0; i < atEnd && end > start && token.startsWith(content, end - content.length); i++) {
        end -= content.length;
      }
      return token.slice(start, end);
    });
}
