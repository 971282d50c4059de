import { asObject, asString, invalid } from "../../json-reader.ts";
import { type PieceEnd, PRE_TOKENIZER_BY_PATTERN, pieceEnd } from "../../pre-tokenizer.ts";
import { unsupported } from "../../tokenizer-json.ts";
import type { Range } from "../aligned-text.ts";
import { Matcher } from "./matcher.ts";
import { ExpressionError, parseExpression } from "./parse.ts";
import { compile } from "./program.ts";

const MAX_STRING = 1024; // UTF-16 units: the search takes at worst so many steps per character

/** Finds what a pattern of a file matches in a text: ranges from left to right that do not overlap. */
export type FindAll = (text: string) => Range[];

/**
 * A `pattern` of `Split` or `Replace`: `{ "String": ... }` or `{ "Regex": ... }`.
 * @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` for an expression that cannot be run in linear time
 */
export function readPattern(value: unknown, path: string): FindAll {
  const where = `tokenizer.json: ${path}`;
  const pattern = asObject(value, where);
  if (pattern.String !== undefined) {
    const content = asString(pattern.String, `${where}.String`);
    if (content.length > MAX_STRING) throw unsupported(`${path}.String`, `at most ${MAX_STRING} characters`, content);
    return findString(content);
  }
  if (pattern.Regex !== undefined) return findExpression(asString(pattern.Regex, `${where}.Regex`), `${path}.Regex`);
  return invalid(where, 'an object with "String" or "Regex"', value);
}

export function findExpression(source: string, path: string): FindAll {
  const known = PRE_TOKENIZER_BY_PATTERN.get(source);
  if (known !== undefined) return everyPiece(pieceEnd(known));
  try {
    const matcher = new Matcher(compile(parseExpression(source)));
    return (text) => matcher.findAll(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw unsupported(path, `an expression that runs in linear time (${error.message})`, source);
  }
}

/** Of a scanner whose pieces cover the text. */
export function everyPiece(end: PieceEnd): FindAll {
  return (text) => {
    const found: Range[] = [];
    for (let start = 0; start < text.length; ) {
      const stop = end(text, start);
      found.push([start, stop]);
      start = stop;
    }
    return found;
  };
}

export function findString(content: string): FindAll {
  return (text) => {
    const found: Range[] = [];
    if (content === "") {
      // An empty expression matches between all characters.
      for (let at = 0; at <= text.length; at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) found.push([at, at]);
      return found;
    }
    for (let at = text.indexOf(content); at >= 0; at = text.indexOf(content, at + content.length)) {
      found.push([at, at + content.length]);
    }
    return found;
  };
}
