import type { TokenSequence } from "./token-sequence.ts";

/** One batch in memory; satisfies `HostBatch` of `@codex/training`. B = rows, T = sequenceLength. */
export interface HostBatch {
  readonly rows: number;
  readonly sequenceLength: number;
  /** `[B, T]` */
  readonly inputIds: Int32Array;
  /** `[B, T]`: the token after each position; -100 where there is none, or where it belongs to another document. */
  readonly labels: Int32Array;
  /** `[B, T]`: positions of a row with equal numbers may attend to each other. */
  readonly documentIds?: Int32Array;
  /** `[B, T]`: distance from the first token of the document in this row. */
  readonly positionIds?: Int32Array;
  /** Position of each row's first token in the split. */
  readonly sampleIds: readonly number[];
  /** UTF-8 bytes of the targets. */
  readonly byteCount?: number;
}

const NO_TARGET = -100; // the ignore index of PyTorch and transformers

/**
 * Rows of tokens from these positions on. Where documents are isolated and there is more than one, a row has document and
 * position ids. What a row lacks at the end of the split is filled with id 0, in a document of its own, without targets.
 */
export function readRows(
  tokens: TokenSequence,
  positions: readonly number[],
  { sequenceLength, isolateDocuments }: { sequenceLength: number; isolateDocuments: boolean },
): HostBatch {
  const size = positions.length * sequenceLength;
  const inputIds = new Int32Array(size);
  const labels = new Int32Array(size).fill(NO_TARGET);
  const isolated = isolateDocuments && tokens.documentCount > 1;
  const documentIds = isolated ? new Int32Array(size) : undefined;
  const positionIds = isolated ? new Int32Array(size) : undefined;
  const row = new Int32Array(sequenceLength + 1);
  const starts = isolated ? new Uint8Array(sequenceLength + 1) : undefined;
  const byteLength = tokens.tokenByteLength;
  let byteCount = 0;

  for (let r = 0; r < positions.length; r++) {
    const available = Math.min(sequenceLength + 1, tokens.length - positions[r]!);
    tokens.read(positions[r]!, row.subarray(0, available), starts?.subarray(0, available));
    let document = 0;
    let documentStart = 0;
    for (let t = 0; t < sequenceLength; t++) {
      const at = r * sequenceLength + t;
      if (t > 0 && (t === available || starts?.[t] === 1)) {
        document++;
        documentStart = t;
      }
      if (documentIds !== undefined) documentIds[at] = document;
      if (positionIds !== undefined) positionIds[at] = t - documentStart;
      if (t >= available) continue;
      inputIds[at] = row[t]!;
      if (t + 1 >= available || starts?.[t + 1] === 1) continue;
      labels[at] = row[t + 1]!;
      if (byteLength !== undefined) byteCount += byteLength(row[t + 1]!);
    }
  }

  return {
    rows: positions.length,
    sequenceLength,
    inputIds,
    labels,
    ...(documentIds && positionIds ? { documentIds, positionIds } : {}),
    sampleIds: positions,
    ...(byteLength === undefined ? {} : { byteCount }),
  };
}
