import { BaseTokenizer, type TokenizerFiles } from "./base-tokenizer.ts";
import { TokenizerError } from "./errors.ts";
import { IdBuffer } from "./id-buffer.ts";
import { invalid, isObject } from "./json-reader.ts";
import type { DecodeOptions, EncodeOptions, StreamDecoder } from "./tokenizer.ts";
import { readAddedTokens, readTemplate, readVocab, requireField, type TokenizerJson } from "./tokenizer-json.ts";
import { loneSurrogateIndex, utf8Length } from "./utf8.ts";

/**
 * One id per character (code point) of the text it was trained on. In `tokenizer.json` that is a BPE model without
 * merges and a decoder that puts the characters together.
 */
export function isCharJson({ model, decoder }: TokenizerJson): boolean {
  const withoutMerges = Array.isArray(model.merges) && model.merges.length === 0;
  return model.type === "BPE" && withoutMerges && isObject(decoder) && decoder.type === "Fuse";
}

export class CharTokenizer extends BaseTokenizer {
  readonly kind = "char";
  readonly #ids: ReadonlyMap<string, number>;
  readonly #unkId: number | undefined;

  /** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
  constructor(files: TokenizerFiles) {
    const { json } = files;
    const { model } = json;
    requireField(json, "normalizer", "", [null]);
    requireField(json, "pre_tokenizer", "", [null]);
    for (const field of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]) {
      requireField(model, field, "model.", [null]);
    }
    for (const field of ["byte_fallback", "fuse_unk"]) requireField(model, field, "model.", [null, false]);
    const vocab = readVocab(model);
    const addedTokens = readAddedTokens(json, vocab);
    const all = new Map(vocab);
    for (const token of addedTokens) all.set(token.content, token.id);
    super(files, { vocab: all, addedTokens, template: readTemplate(json.post_processor) });

    const characters = new Map<string, number>();
    for (const [token, id] of vocab) {
      if (this.addedTokens.byId(id) !== undefined) continue;
      const one = token !== "" && token.length === String.fromCodePoint(token.codePointAt(0)!).length;
      if (!one || loneSurrogateIndex(token) >= 0) invalid("tokenizer.json: model.vocab", "single characters", token);
      characters.set(token, id);
    }
    this.#ids = characters;
    if (typeof model.unk_token === "string") {
      this.#unkId =
        vocab.get(model.unk_token) ??
        invalid("tokenizer.json: model.unk_token", "a token of model.vocab", model.unk_token);
    }
  }

  protected encodeContent(text: string, allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>): Uint32Array {
    const ids = new IdBuffer(text.length);
    let offset = 0;
    for (const part of this.addedTokens.split(text, allowedSpecial)) {
      if (typeof part === "number") {
        ids.push(part);
        offset += this.idToToken(part)!.length;
        continue;
      }
      for (const character of part) {
        ids.push(this.#ids.get(character) ?? this.#unkId ?? unknownCharacter(character, offset));
        offset += character.length;
      }
    }
    return ids.toArray();
  }

  decode(ids: ArrayLike<number>, options?: DecodeOptions): string {
    let text = "";
    for (let i = 0; i < ids.length; i++) text += this.#textOf(ids[i]!, options);
    return text;
  }

  streamDecoder(options?: DecodeOptions): StreamDecoder {
    return { push: (id) => this.#textOf(id, options), end: () => "" };
  }

  tokenByteLength(id: number): number {
    return utf8Length(this.#textOf(id, { skipSpecialTokens: true }));
  }

  #textOf(id: number, { skipSpecialTokens = true }: DecodeOptions = {}): string {
    if (skipSpecialTokens && this.addedTokens.isSpecial(id)) return "";
    return this.requireToken(id);
  }
}

function unknownCharacter(character: string, offset: number): never {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  throw new TokenizerError(
    "TOKENIZER_UNKNOWN_CHARACTER",
    `text, offset ${offset}: expected a character of the vocabulary, got ${JSON.stringify(character)} (U+${code})`,
    { help: "Train the char tokenizer on text that has it, give it an unk token, or use a byte-level tokenizer." },
  );
}
