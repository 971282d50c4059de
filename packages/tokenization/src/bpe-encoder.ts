/** Ids of text in which there are no added tokens: by the native library where there is one, else by the code of this package. */
import { BpeModel } from "./bpe-model.ts";
import { bytesToToken, tokenToBytes } from "./byte-alphabet.ts";
import { FlatIdsBuilder } from "./flat-ids.ts";
import { IdBuffer } from "./id-buffer.ts";
import { type NativeEncoderOptions, nativeLibrary } from "./native/binding.ts";
import { PairTable } from "./pair-table.ts";
import { type PieceEnd, type PreTokenizerName, pieceEnd } from "./pre-tokenizer.ts";
import type { FlatIds } from "./tokenizer.ts";

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
  encodeBatch(texts: readonly string[], threads: number): FlatIds;
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

  encodeBatch(texts: readonly string[]): FlatIds {
    const flat = new FlatIdsBuilder(texts.length, 64 * texts.length);
    for (const text of texts) {
      flat.append(this.encode(text));
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
