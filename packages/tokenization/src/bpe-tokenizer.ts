import { BaseTokenizer, type TokenizerFiles } from "./base-tokenizer.ts";
import { BpeModel } from "./bpe-model.ts";
import { bytesToToken, byteToCharacter } from "./byte-alphabet.ts";
import { mergeTables, readPreTokenizer, tokenByteList } from "./byte-level-json.ts";
import { IdBuffer } from "./id-buffer.ts";
import { asFlag, isObject } from "./json-reader.ts";
import { type PieceEnd, type PreTokenizerName, pieceEnd } from "./pre-tokenizer.ts";
import { byteStreamDecoder } from "./stream-decoder.ts";
import { TokenBytes } from "./token-bytes.ts";
import type { DecodeOptions, EncodeOptions, StreamDecoder } from "./tokenizer.ts";
import { readAddedTokens, readMerges, readTemplate, readVocab, requireField, unsupported } from "./tokenizer-json.ts";
import { decodeUtf8 } from "./utf8.ts";

const MAX_MERGES = 2 ** 22; // so that a rank and a position fit into one float64

/** Byte-level BPE: every string can be encoded and comes back as it was. `byte` is the case without merges. */
export class BpeTokenizer extends BaseTokenizer {
  readonly kind: "bpe" | "byte";
  readonly preTokenizer: PreTokenizerName;
  readonly #model: BpeModel;
  readonly #pieceEnd: PieceEnd;
  readonly #tokenBytes: TokenBytes;

  /** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
  constructor(files: TokenizerFiles) {
    const { json } = files;
    const { model } = json;
    requireField(json, "normalizer", "", [null]);
    requireField(model, "type", "model.", ["BPE"]);
    requireField(model, "dropout", "model.", [null, 0]);
    requireField(model, "byte_fallback", "model.", [null, false]);
    requireField(model, "continuing_subword_prefix", "model.", [null, ""]);
    requireField(model, "end_of_word_suffix", "model.", [null, ""]);
    if (!isObject(json.decoder) || json.decoder.type !== "ByteLevel")
      throw unsupported("decoder", "ByteLevel", json.decoder);
    const preTokenizer = readPreTokenizer(json.pre_tokenizer);
    const vocab = readVocab(model);
    const addedTokens = readAddedTokens(json, vocab);
    const all = new Map(vocab);
    for (const token of addedTokens) all.set(token.content, token.id);
    super(files, { vocab: all, addedTokens, template: readTemplate(json.post_processor) });

    const byteIds = Array.from({ length: 256 }, (_, byte) => {
      const id = vocab.get(byteToCharacter(byte));
      if (id === undefined || this.addedTokens.byId(id) !== undefined) {
        throw unsupported(
          "model.vocab",
          `a vocabulary with an ordinary token for each byte (0x${byte.toString(16)} has none)`,
          null,
        );
      }
      return id;
    });
    const merges = readMerges(model);
    if (merges.length > MAX_MERGES) throw unsupported("model.merges", `at most ${MAX_MERGES} merges`, merges.length);
    this.kind = merges.length === 0 && byteIds.every((id, byte) => id === byte) ? "byte" : "bpe";
    this.preTokenizer = preTokenizer;
    this.#pieceEnd = pieceEnd(preTokenizer);
    const ordinaryId = (token: string): number | undefined => {
      const id = vocab.get(token);
      return id === undefined || this.addedTokens.isSpecial(id) ? undefined : id;
    };
    this.#model = new BpeModel({
      byteIds,
      ...mergeTables(merges, vocab, (id) => this.addedTokens.isSpecial(id)),
      ...(asFlag(model.ignore_merges, "tokenizer.json: model.ignore_merges")
        ? { wholePiece: (bytes: Uint8Array) => ordinaryId(bytesToToken(bytes)) }
        : {}),
    });
    this.#tokenBytes = new TokenBytes(tokenByteList(vocab, addedTokens));
  }

  protected encodeContent(text: string, allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>): Uint32Array {
    const ids = new IdBuffer(text.length >> 1);
    for (const part of this.addedTokens.split(text, allowedSpecial)) {
      if (typeof part === "number") {
        ids.push(part);
        continue;
      }
      for (let start = 0; start < part.length; ) {
        const end = this.#pieceEnd(part, start);
        this.#model.encode(part.slice(start, end), ids);
        start = end;
      }
    }
    return ids.toArray();
  }

  decode(ids: ArrayLike<number>, options?: DecodeOptions): string {
    const bytesOf = this.#bytesOf(options);
    const parts: Uint8Array[] = [];
    for (let i = 0; i < ids.length; i++) {
      const bytes = bytesOf(ids[i]!);
      if (bytes !== undefined) parts.push(bytes);
    }
    return decodeUtf8(Buffer.concat(parts));
  }

  streamDecoder(options?: DecodeOptions): StreamDecoder {
    return byteStreamDecoder(this.#bytesOf(options));
  }

  tokenByteLength(id: number): number {
    return this.addedTokens.isSpecial(id) ? 0 : this.#tokenBytes.of(id).length;
  }

  #bytesOf({ skipSpecialTokens = true }: DecodeOptions = {}): (id: number) => Uint8Array | undefined {
    return (id) => (skipSpecialTokens && this.addedTokens.isSpecial(id) ? undefined : this.#tokenBytes.of(id));
  }
}
