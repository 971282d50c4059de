import { BaseTokenizer, type TokenizerFiles } from "./base-tokenizer.ts";
import { type BpeEncoder, type BpeTables, createBpeEncoder } from "./bpe-encoder.ts";
import { byteToCharacter, tokenToBytes } from "./byte-alphabet.ts";
import { mergeTable, readPreTokenizer, tokenByteList } from "./byte-level-json.ts";
import { FlatIdsBuilder, textIds } from "./flat-ids.ts";
import { IdBuffer } from "./id-buffer.ts";
import { asFlag, isObject } from "./json-reader.ts";
import type { EncodeFullOptions, FullEncoding } from "./pipeline/full-encoding.ts";
import { PipelineTokenizer } from "./pipeline/pipeline-tokenizer.ts";
import type { PieceScannerName } from "./pre-tokenizer.ts";
import { byteStreamDecoder } from "./stream-decoder.ts";
import { looseText, type TextInput, textBytes } from "./text-input.ts";
import { TokenBytes } from "./token-bytes.ts";
import type { DecodeOptions, EncodeOptions, FlatIds, StreamDecoder } from "./tokenizer.ts";
import { readAddedTokens, readMerges, readTemplate, readVocab, requireField, unsupported } from "./tokenizer-json.ts";
import { decodeUtf8 } from "./utf8.ts";

const MAX_MERGES = 2 ** 22; // so that a rank and a position fit into one float64

/** Byte-level BPE: every string can be encoded and comes back as it was. `byte` is the case without merges. */
export class BpeTokenizer extends BaseTokenizer {
  readonly kind: "bpe" | "byte";
  readonly preTokenizer: PieceScannerName;
  readonly #tables: BpeTables;
  #encoder: BpeEncoder | undefined;
  readonly #tokenBytes: TokenBytes;
  #pipeline: PipelineTokenizer | undefined;

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

    const byteIds = Uint32Array.from({ length: 256 }, (_, byte) => {
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
    const isSpecial = (id: number) => this.addedTokens.isSpecial(id);
    const ignoresMerges = asFlag(model.ignore_merges, "tokenizer.json: model.ignore_merges");
    this.#tables = {
      byteIds,
      merges: mergeTable(merges, vocab, isSpecial),
      preTokenizer,
      ...(ignoresMerges ? { wholePieces: wholePieces(vocab, isSpecial) } : {}),
    };
    this.#tokenBytes = new TokenBytes(tokenByteList(vocab, addedTokens));
  }

  protected encodeContent(text: string, allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>): Uint32Array {
    const encoder = this.#useEncoder();
    const parts = this.addedTokens.split(text, allowedSpecial);
    if (parts.length === 1 && typeof parts[0] === "string") return encoder.encode(parts[0]);
    const ids = new IdBuffer(text.length >> 1);
    for (const part of parts) {
      if (typeof part === "number") ids.push(part);
      else ids.append(encoder.encode(part));
    }
    return ids.toArray();
  }

  protected override encodeBytes(
    text: Uint8Array,
    allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>,
  ): Uint32Array {
    const encoder = this.#useEncoder();
    const parts = this.#splitBytes(textBytes(text), allowedSpecial);
    if (parts.length === 1 && typeof parts[0] === "object") return encoder.encodeBytes(parts[0]);
    const ids = new IdBuffer(text.length >> 1);
    for (const part of parts) {
      if (typeof part === "number") ids.push(part);
      else ids.append(encoder.encodeBytes(part));
    }
    return ids.toArray();
  }

  protected override encodeInputs(
    texts: readonly TextInput[],
    allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>,
    threads: number,
  ): FlatIds {
    const split = texts.map((text): (TextInput | number)[] =>
      typeof text === "string"
        ? this.addedTokens.split(text, allowedSpecial)
        : this.#splitBytes(textBytes(text), allowedSpecial),
    );
    const parts = split.flat().filter((part) => typeof part !== "number");
    const encoded = this.#useEncoder().encodeBatch(parts, threads);
    if (split.every(({ length, 0: part }) => length === 1 && typeof part !== "number")) return encoded;
    const flat = new FlatIdsBuilder(texts.length, encoded.ids.length + 64);
    let at = 0;
    for (const text of split) {
      for (const part of text) {
        if (typeof part === "number") flat.push(part);
        else flat.append(textIds(encoded, at++));
      }
      flat.endText();
    }
    return flat.build();
  }

  /** `AddedTokens.split` of bytes, which need not be text. */
  #splitBytes(
    bytes: Uint8Array,
    allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>,
  ): (Uint8Array | number)[] {
    if (!this.addedTokens.areSearched(allowedSpecial)) return [bytes];
    const { text, starts } = looseText(bytes);
    let unit = 0;
    return this.addedTokens.split(text, allowedSpecial).map((part) => {
      const start = unit;
      unit += typeof part === "number" ? this.idToToken(part)!.length : part.length;
      return typeof part === "number" ? part : bytes.subarray(starts[start], starts[unit]);
    });
  }

  /** The tables of an encoder are made on first use. */
  #useEncoder(): BpeEncoder {
    this.#encoder ??= createBpeEncoder(this.#tables);
    return this.#encoder;
  }

  /** Everything that is known of each token, by the general pipeline. @throws {TokenizerError} see `PipelineTokenizer.encodeFull` */
  encodeFull(text: TextInput, options?: EncodeFullOptions): FullEncoding {
    return this.#generally().encodeFull(text, options);
  }

  encodeFullBatch(...input: Parameters<PipelineTokenizer["encodeFullBatch"]>): FullEncoding[] {
    return this.#generally().encodeFullBatch(...input);
  }

  #generally(): PipelineTokenizer {
    this.#pipeline ??= new PipelineTokenizer(this.files);
    return this.#pipeline;
  }

  decode(ids: ArrayLike<number>, options?: DecodeOptions): string {
    return decodeUtf8(this.decodeBytes(ids, options));
  }

  decodeBytes(ids: ArrayLike<number>, options?: DecodeOptions): Uint8Array {
    const bytesOf = this.#bytesOf(options);
    const parts: Uint8Array[] = [];
    for (let i = 0; i < ids.length; i++) {
      const bytes = bytesOf(ids[i]!);
      if (bytes !== undefined) parts.push(bytes);
    }
    const bytes = Buffer.concat(parts);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
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

/** Tokens of bytes that text may become. */
function wholePieces(vocab: ReadonlyMap<string, number>, isSpecial: (id: number) => boolean): Map<string, number> {
  return new Map(
    [...vocab].filter(([token, id]) => !isSpecial(id) && token !== "" && tokenToBytes(token) !== undefined),
  );
}
