/** `WordPiece`: the longest token that fits, again and again; a word that cannot be written so is unknown as a whole. */
import { TokenizerError } from "../../errors.ts";
import { asString, invalid, type JsonObject } from "../../json-reader.ts";
import { utf8Length } from "../../utf8.ts";
import { unitsOf } from "../characters.ts";
import type { Model, ModelToken } from "./model.ts";
import { Trie } from "./trie.ts";

const WHERE = "tokenizer.json: model";

export interface WordPieceOptions {
  readonly unkToken: string;
  /** Of tokens that continue a word. */
  readonly prefix: string;
  /** A longer word is unknown. */
  readonly maxCharacters: number;
}

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID` */
export function readWordPieceOptions(model: JsonObject): WordPieceOptions {
  const maxCharacters = model.max_input_chars_per_word ?? 100;
  if (typeof maxCharacters !== "number" || !Number.isSafeInteger(maxCharacters) || maxCharacters < 0) {
    return invalid(`${WHERE}.max_input_chars_per_word`, "a whole number", maxCharacters);
  }
  return {
    unkToken: asString(model.unk_token ?? "[UNK]", `${WHERE}.unk_token`),
    prefix: asString(model.continuing_subword_prefix ?? "##", `${WHERE}.continuing_subword_prefix`),
    maxCharacters,
  };
}

export function readWordPiece(
  model: JsonObject,
  vocab: ReadonlyMap<string, number>,
  blocked: ReadonlySet<number>,
): Model {
  return new WordPiece(readWordPieceOptions(model), vocab, blocked);
}

class WordPiece implements Model {
  readonly isDeterministic = true;
  readonly #unkToken: string;
  readonly #unkId: number | undefined;
  readonly #maxCharacters: number;
  readonly #tokens: string[] = [];
  readonly #trie: Trie;
  /** Where tokens that continue a word begin; -1 if there are none. */
  readonly #continuation: number;

  constructor(options: WordPieceOptions, vocab: ReadonlyMap<string, number>, blocked: ReadonlySet<number>) {
    this.#unkToken = options.unkToken;
    this.#unkId = vocab.get(options.unkToken);
    this.#maxCharacters = options.maxCharacters;
    this.#trie = new Trie(vocab.size * 4);
    for (const [token, id] of vocab) {
      this.#tokens[id] = token;
      if (!blocked.has(id)) this.#trie.add(token, id);
    }
    let node = 0;
    for (let i = 0; i < options.prefix.length && node >= 0; i++) {
      node = this.#trie.next(node, options.prefix.charCodeAt(i));
    }
    this.#continuation = node;
  }

  tokenize(piece: string): readonly ModelToken[] {
    if (piece.length > this.#maxCharacters && countCharacters(piece) > this.#maxCharacters) return this.#unknown(piece);
    const tokens: ModelToken[] = [];
    let bytes = 0;
    for (let start = 0; start < piece.length; ) {
      let node = start === 0 ? 0 : this.#continuation;
      let end = -1;
      let id = -1;
      for (let at = start; at < piece.length && node >= 0; at++) {
        node = this.#trie.next(node, piece.charCodeAt(at));
        if (node > 0 && this.#trie.value(node) >= 0) {
          id = this.#trie.value(node);
          end = at + 1;
        }
      }
      if (id < 0) return this.#unknown(piece);
      const length = utf8Length(piece.slice(start, end));
      tokens.push({ id, token: this.#tokens[id]!, start: bytes, end: bytes + length });
      bytes += length;
      start = end;
    }
    return tokens;
  }

  #unknown(piece: string): ModelToken[] {
    if (this.#unkId !== undefined) {
      return [{ id: this.#unkId, token: this.#unkToken, start: 0, end: utf8Length(piece) }];
    }
    throw new TokenizerError(
      "TOKENIZER_UNKNOWN_CHARACTER",
      `text: expected words of the vocabulary, got ${JSON.stringify(piece.slice(0, 80))}; its unk_token ${JSON.stringify(this.#unkToken)} is not in it`,
    );
  }
}

function countCharacters(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; count++) i += unitsOf(text.codePointAt(i)!);
  return count;
}
