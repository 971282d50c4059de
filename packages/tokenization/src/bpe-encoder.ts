/** Ids of text in which there are no added tokens: by the native library where there is one, else by the code of this package. */
import { isUtf8 } from "node:buffer";
import { BpeModel, type BpeModelParts } from "./bpe-model.ts";
import { tokenToBytes } from "./byte-alphabet.ts";
import { IdBuffer } from "./id-buffer.ts";
import { type NativeEncoderOptions, nativeLibrary } from "./native/binding.ts";
import { type PieceScanner, type PieceScannerName, pieceScanner } from "./pre-tokenizer.ts";
import { looseText, type TextInput } from "./text-input.ts";
import type { FlatIds } from "./tokenizer.ts";
import { decodeUtf8, writeUtf8 } from "./utf8.ts";
import { Utf16Buffer, utf16Units } from "./utf16.ts";
import { WholePieces } from "./whole-pieces.ts";
import { CACHED_LENGTH, WordCache } from "./word-cache.ts";

/** What a byte-level BPE is made of. */
export interface BpeTables extends BpeModelParts {
  readonly preTokenizer: PieceScannerName;
  /** With `ignore_merges`: the tokens that a piece can be as it stands, by their names in the byte alphabet. */
  readonly wholePieces?: ReadonlyMap<string, number>;
}

export interface BpeEncoder {
  encode(text: string): Uint32Array;
  /** Bytes need not be UTF-8: a byte that starts no character is cut like a sign. */
  encodeBytes(text: Uint8Array): Uint32Array;
  encodeBatch(texts: readonly TextInput[], threads: number): FlatIds;
}

export function createBpeEncoder(tables: BpeTables): BpeEncoder {
  const { binding } = nativeLibrary();
  if (binding === undefined || tables.preTokenizer === "o200k") return new TypeScriptEncoder(tables);
  const { wholePieces, ...rest } = tables;
  return new binding.NativeEncoder(wholePieces === undefined ? rest : { ...rest, wholePieces: flatten(wholePieces) });
}

const KEPT = 2 ** 18; // bytes

class TypeScriptEncoder implements BpeEncoder {
  readonly #model: BpeModel;
  readonly #scan: PieceScanner;
  readonly #wholePieces: WholePieces | undefined;
  readonly #cache = new WordCache();
  readonly #buffer = new Utf16Buffer();
  #bytes = new Uint8Array(1024); // of the piece

  constructor({ preTokenizer, wholePieces, ...parts }: BpeTables) {
    this.#scan = pieceScanner(preTokenizer);
    this.#model = new BpeModel(parts);
    this.#wholePieces = wholePieces === undefined ? undefined : new WholePieces(flatten(wholePieces));
  }

  encode(text: string): Uint32Array {
    return this.#ids(text, text.length >> 2);
  }

  encodeBytes(bytes: Uint8Array): Uint32Array {
    return this.#ids(bytes, bytes.length >> 2);
  }

  encodeBatch(texts: readonly TextInput[]): FlatIds {
    const ids = new IdBuffer(64 * texts.length);
    const offsets = new Uint32Array(texts.length + 1);
    texts.forEach((text, index) => {
      this.#appendInput(text, ids);
      offsets[index + 1] = ids.length;
    });
    return { ids: ids.toArray(), offsets };
  }

  #ids(text: TextInput, expected: number): Uint32Array {
    const ids = new IdBuffer(expected);
    this.#appendInput(text, ids);
    return ids.toArray();
  }

  #appendInput(text: TextInput, out: IdBuffer): void {
    if (typeof text === "string") this.#append(text, out);
    else if (isUtf8(text)) this.#append(decodeUtf8(text), out);
    else this.#appendLoose(text, out);
  }

  /** Bytes that are no text. */
  #appendLoose(bytes: Uint8Array, out: IdBuffer): void {
    const { text, starts } = looseText(bytes);
    const units = utf16Units(text);
    for (let start = 0; start < text.length; ) {
      const end = this.#scan(units, start, text.length);
      const piece = bytes.subarray(starts[start], starts[end]);
      this.#encodeBytes(piece, piece.length, out);
      start = end;
    }
  }

  #append(text: string, out: IdBuffer): void {
    const scan = this.#scan;
    const cache = this.#cache;
    const units = this.#buffer.read(text);
    const { length } = text;
    for (let start = 0; start < length; ) {
      const end = scan(units, start, length);
      if (end - start > CACHED_LENGTH) this.#encodePiece(units, start, end, out);
      else if (!cache.append(units, start, end, out)) {
        const from = out.length;
        this.#encodePiece(units, start, end, out);
        cache.add(units, start, end, out, from);
      }
      start = end;
    }
  }

  #encodePiece(units: Uint16Array, start: number, end: number, out: IdBuffer): void {
    const room = 3 * (end - start);
    if (room > this.#bytes.length && room <= KEPT) this.#bytes = new Uint8Array(KEPT);
    const bytes = room > KEPT ? new Uint8Array(room) : this.#bytes; // a long one is not kept
    this.#encodeBytes(bytes, writeUtf8(units, start, end, bytes), out);
  }

  #encodeBytes(bytes: Uint8Array, length: number, out: IdBuffer): void {
    const whole = this.#wholePieces?.find(bytes, length) ?? -1;
    if (whole >= 0) out.push(whole);
    else this.#model.encode(bytes, length, out);
  }
}

function flatten(wholePieces: ReadonlyMap<string, number>): NonNullable<NativeEncoderOptions["wholePieces"]> {
  const pieces: Uint8Array[] = [];
  const offsets = new Uint32Array(wholePieces.size + 1);
  for (const token of wholePieces.keys()) {
    const bytes = tokenToBytes(token)!;
    offsets[pieces.length + 1] = offsets[pieces.length]! + bytes.length;
    pieces.push(bytes);
  }
  return { bytes: Buffer.concat(pieces), offsets, ids: Uint32Array.from(wholePieces.values()) };
}
