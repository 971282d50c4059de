/** Ids of text in which there are no added tokens: by the native library where there is one, else by the code of this package. */
import { isUtf8 } from "node:buffer";
import { BpeModel } from "./bpe-model.ts";
import { bytesToToken, tokenToBytes } from "./byte-alphabet.ts";
import { FlatIdsBuilder } from "./flat-ids.ts";
import { IdBuffer } from "./id-buffer.ts";
import { type NativeEncoderOptions, nativeLibrary } from "./native/binding.ts";
import { PairTable } from "./pair-table.ts";
import { type PieceEnd, type PreTokenizerName, pieceEnd } from "./pre-tokenizer.ts";
import { looseText, type TextInput } from "./text-input.ts";
import type { FlatIds } from "./tokenizer.ts";
import { decodeUtf8 } from "./utf8.ts";

/** At this left id of `BpeTables.merges` nothing merges. */
export const DROPPED = 0xffffffff;

/** What a byte-level BPE is made of. */
export interface BpeTables {
  /** Id of each byte. */
  readonly byteIds: Uint32Array;
  /** Left id (or `DROPPED`), right id and result for each rank, one after the other. Of a pair that comes twice the last counts. */
  readonly merges: Uint32Array;
  readonly preTokenizer: PreTokenizerName;
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
  if (binding === undefined) return new TypeScriptEncoder(tables);
  const { wholePieces, ...rest } = tables;
  return new binding.NativeEncoder(wholePieces === undefined ? rest : { ...rest, wholePieces: flatten(wholePieces) });
}

class TypeScriptEncoder implements BpeEncoder {
  readonly #model: BpeModel;
  readonly #pieceEnd: PieceEnd;

  constructor({ byteIds, merges, preTokenizer, wholePieces }: BpeTables) {
    this.#pieceEnd = pieceEnd(preTokenizer);
    this.#model = new BpeModel({
      byteIds,
      ...pairTables(merges),
      ...(wholePieces === undefined ? {} : { wholePiece: (bytes: Uint8Array) => wholePieces.get(bytesToToken(bytes)) }),
    });
  }

  encode(text: string): Uint32Array {
    const ids = new IdBuffer(text.length >> 1);
    for (let start = 0; start < text.length; ) {
      const end = this.#pieceEnd(text, start);
      this.#model.encode(text.slice(start, end), ids);
      start = end;
    }
    return ids.toArray();
  }

  encodeBytes(bytes: Uint8Array): Uint32Array {
    if (isUtf8(bytes)) return this.encode(decodeUtf8(bytes));
    const { text, starts } = looseText(bytes);
    const ids = new IdBuffer(bytes.length >> 1);
    for (let start = 0; start < text.length; ) {
      const end = this.#pieceEnd(text, start);
      this.#model.encodeBytes(bytes.subarray(starts[start], starts[end]), ids);
      start = end;
    }
    return ids.toArray();
  }

  encodeBatch(texts: readonly TextInput[]): FlatIds {
    const flat = new FlatIdsBuilder(texts.length, 64 * texts.length);
    for (const text of texts) {
      flat.append(typeof text === "string" ? this.encode(text) : this.encodeBytes(text));
      flat.endText();
    }
    return flat.build();
  }
}

function pairTables(merges: Uint32Array): { pairs: PairTable; ranks: number[]; results: number[] } {
  const pairs = new PairTable(merges.length / 3);
  const ranks: number[] = [];
  const results: number[] = [];
  for (let rank = 0; rank < merges.length / 3; rank++) {
    const [left, right, result] = merges.subarray(3 * rank, 3 * rank + 3) as unknown as [number, number, number];
    results.push(result);
    if (left !== DROPPED) ranks[pairs.add(left, right)] = rank;
  }
  return { pairs, ranks, results };
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
