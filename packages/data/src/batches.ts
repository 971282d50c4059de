import { createPermutation, createStream, type Permutation } from "@codex/random";
import Type from "typebox";
import { checkChoice } from "./check-choice.ts";
import { DataError } from "./errors.ts";
import { type HostBatch, readRows } from "./rows.ts";
import type { TokenSequence } from "./token-sequence.ts";

/** Training batches. Satisfies `BatchSource` of `@codex/training`. */
export interface PackedBatchSource {
  readonly samplesPerEpoch: number;
  /** Samples `indexInEpoch .. indexInEpoch + rows - 1` of an epoch; fewer at its end. A pure function of its arguments. */
  batch(epoch: number, indexInEpoch: number, rows: number): HostBatch;
}

/** Every target of a split once, in order. Satisfies `EvaluationSource` of `@codex/training`. */
export interface PackedEvaluationSource {
  /** The targets and their rows are the same for every `rows`. */
  batches(rows: number): Iterable<HostBatch>;
}

/** How rows are taken from the tokens of the train split. */
export const SamplingOptions = Type.Object(
  {
    kind: Type.Union([Type.Literal("packed"), Type.Literal("random-windows")], {
      default: "packed",
      description:
        "packed: the text cut into rows, each once per epoch. random-windows: rows that start anywhere, drawn with replacement (nanoGPT).",
    }),
    shuffle: Type.Boolean({ default: true, description: "packed: a new order of the rows in every epoch." }),
    isolateDocuments: Type.Boolean({
      default: true,
      description: "No attention and no target across the border of two documents in a row; positions start again.",
    }),
  },
  { additionalProperties: false, default: {}, description: "How rows are taken from the tokens of the train split." },
);
export type SamplingOptions = Type.Static<typeof SamplingOptions>;

/**
 * Rows of `sequenceLength` tokens of a split, for training.
 *
 * packed: row r holds the tokens from r * sequenceLength on; every target of the split is there once per epoch, the last row
 * is filled up with positions without target. Order of epoch e: `createPermutation(rows, createStream(seed, "data").substream("epoch-<e>"))`.
 * random-windows: sample n of the whole training starts at `intAt(n, length - sequenceLength)` of the substream "windows",
 * n = epoch * samplesPerEpoch + indexInEpoch + row; an epoch has as many samples as the text has whole rows.
 *
 * @throws {DataError} `DATA_OPTIONS_INVALID`; `DATA_TOO_SHORT` if the split does not fill one row
 */
export function createBatchSource(
  tokens: TokenSequence,
  options: { sequenceLength: number; seed: number; sampling?: Partial<SamplingOptions> },
): PackedBatchSource {
  const { sequenceLength, seed } = options;
  const { kind = "packed", shuffle = true, isolateDocuments = true } = options.sampling ?? {};
  checkChoice("sampling.kind", SamplingOptions.properties.kind, kind);
  checkSequenceLength(sequenceLength);
  if (tokens.length < sequenceLength + 1) {
    throw new DataError(
      "DATA_TOO_SHORT",
      `the train split has ${tokens.length} tokens, one row of sequenceLength ${sequenceLength} takes ${sequenceLength + 1}`,
      { help: "Use more text or a smaller sequenceLength." },
    );
  }
  const stream = createStream(seed, "data");
  const samplesPerEpoch =
    kind === "packed"
      ? Math.ceil((tokens.length - 1) / sequenceLength)
      : Math.floor((tokens.length - 1) / sequenceLength);

  const windows = stream.substream("windows");
  let order: { epoch: number; permutation: Permutation } | undefined; // the last one made: it is a function of the epoch
  const startOf = (epoch: number, index: number): number => {
    if (kind === "random-windows") {
      return windows.intAt(epoch * samplesPerEpoch + index, tokens.length - sequenceLength);
    }
    if (!shuffle) return index * sequenceLength;
    if (order?.epoch !== epoch) {
      order = { epoch, permutation: createPermutation(samplesPerEpoch, stream.substream(`epoch-${epoch}`)) };
    }
    return order.permutation.at(index) * sequenceLength;
  };

  return {
    samplesPerEpoch,
    batch(epoch, indexInEpoch, rows) {
      const count = Math.min(rows, samplesPerEpoch - indexInEpoch);
      const starts = Array.from({ length: count }, (_, row) => startOf(epoch, indexInEpoch + row));
      return readRows(tokens, starts, { sequenceLength, isolateDocuments });
    },
  };
}

/**
 * All rows of a split in order: target t is in row floor((t - 1) / sequenceLength), whatever the batch size.
 *
 * @throws {DataError} `DATA_SPLIT_EMPTY` if the split has no target
 */
export function createEvaluationSource(
  tokens: TokenSequence,
  options: { sequenceLength: number; isolateDocuments?: boolean },
): PackedEvaluationSource {
  const { sequenceLength, isolateDocuments = true } = options;
  checkSequenceLength(sequenceLength);
  if (tokens.length < 2) {
    throw new DataError("DATA_SPLIT_EMPTY", `the split has ${tokens.length} tokens: nothing to predict`);
  }
  const rowCount = Math.ceil((tokens.length - 1) / sequenceLength);
  return {
    *batches(rows) {
      for (let first = 0; first < rowCount; first += rows) {
        const count = Math.min(rows, rowCount - first);
        const starts = Array.from({ length: count }, (_, row) => (first + row) * sequenceLength);
        yield readRows(tokens, starts, { sequenceLength, isolateDocuments });
      }
    },
  };
}

function checkSequenceLength(sequenceLength: number): void {
  if (Number.isInteger(sequenceLength) && sequenceLength > 0) return;
  throw new DataError("DATA_OPTIONS_INVALID", `sequenceLength: expected a positive integer, got ${sequenceLength}`);
}
