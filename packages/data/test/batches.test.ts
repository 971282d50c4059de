import {
  createBatchSource,
  createCorpus,
  createEvaluationSource,
  type HostBatch,
  type TokenSequence,
  tokenizeCorpus,
} from "@codex/data";
import { createPermutation, createStream } from "@codex/random";
import * as fc from "fast-check";
import { byteEncoder, byteEncoderWithEnd, sourceOf } from "./support/sources.ts";

async function tokensOf(documents: readonly string[], encoder = byteEncoder): Promise<TokenSequence> {
  const corpus = createCorpus(sourceOf(documents), { deduplicate: false, split: { validation: 0 } });
  return (await tokenizeCorpus(corpus, encoder)).splits.train;
}

const letters = (ids: Int32Array) =>
  Array.from(ids, (id) => (id === -100 ? "_" : id === 256 ? "$" : id === 0 ? "." : String.fromCharCode(id))).join("");
const rowsOf = (batch: HostBatch, values: Int32Array) =>
  Array.from({ length: batch.rows }, (_, r) =>
    values.subarray(r * batch.sequenceLength, (r + 1) * batch.sequenceLength),
  );
const table = (batch: HostBatch) =>
  rowsOf(batch, batch.inputIds).map((inputs, r) => [letters(inputs), letters(rowsOf(batch, batch.labels)[r]!)]);

const epochOf = (source: ReturnType<typeof createBatchSource>, epoch: number, rows: number) => {
  const batches: HostBatch[] = [];
  for (let at = 0; at < source.samplesPerEpoch; at += rows) batches.push(source.batch(epoch, at, rows));
  return batches;
};

describe("packed rows", () => {
  const inOrder = { shuffle: false } as const;

  test("documents one after the other, closed by the end token; nothing crosses their borders", async () => {
    const tokens = await tokensOf(["abc", "de", "fghij"], byteEncoderWithEnd); // abc$de$fghij$
    const source = createBatchSource(tokens, { sequenceLength: 5, seed: 0, sampling: inOrder });
    const batch = source.batch(0, 0, 9);
    expect(table(batch)).toEqual([
      ["abc$d", "bc$_e"],
      ["e$fgh", "$_ghi"],
      ["ij$..", "j$___"],
    ]);
    expect(rowsOf(batch, batch.documentIds!).map((row) => [...row].join(""))).toEqual(["00001", "00111", "00011"]);
    expect(rowsOf(batch, batch.positionIds!).map((row) => [...row].join(""))).toEqual(["01230", "01012", "01201"]);
    expect(batch.sampleIds).toEqual([0, 5, 10]);
  });

  test("without isolation the text is one stream", async () => {
    const tokens = await tokensOf(["abc", "de"], byteEncoderWithEnd);
    const sampling = { ...inOrder, isolateDocuments: false };
    const batch = createBatchSource(tokens, { sequenceLength: 3, seed: 0, sampling }).batch(0, 0, 9);
    expect(table(batch)).toEqual([
      ["abc", "bc$"],
      ["$de", "de$"],
    ]);
    expect([batch.documentIds, batch.positionIds]).toEqual([undefined, undefined]);
  });

  test("a single document needs no document ids", async () => {
    const source = createBatchSource(await tokensOf(["abcdef"]), { sequenceLength: 3, seed: 0 });
    expect(source.batch(0, 0, 2).documentIds).toBeUndefined();
  });

  test("byteCount counts the bytes of the targets, and none for the end of a document", async () => {
    const lengths = { ...byteEncoderWithEnd, tokenByteLength: (id: number) => (id === 256 ? 13 : id - 96) }; // a 1, b 2, ...
    const tokens = await tokensOf(["abc", "de"], lengths);
    const source = createBatchSource(tokens, { sequenceLength: 3, seed: 0, sampling: inOrder });
    expect(source.batch(0, 0, 1).byteCount).toBe(2 + 3 + 0);
    expect(source.batch(0, 0, 2).byteCount).toBe(2 + 3 + 0 + 5 + 0);
    const unknown = await tokensOf(["abc"], { encode: byteEncoder.encode, vocabSize: 256 });
    expect("byteCount" in createBatchSource(unknown, { sequenceLength: 2, seed: 0 }).batch(0, 0, 1)).toBe(false);
  });

  test("every token is there once per epoch, in every order and batch size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 3 }),
        fc.boolean(),
        async (documents, sequenceLength, rows, epoch, shuffle) => {
          const tokens = await tokensOf(documents, byteEncoderWithEnd);
          fc.pre(tokens.length > sequenceLength);
          const ids = new Int32Array(tokens.length);
          const starts = new Uint8Array(tokens.length);
          tokens.read(0, ids, starts);
          const source = createBatchSource(tokens, { sequenceLength, seed: 7, sampling: { shuffle } });
          const inputs = new Map<number, number>();
          const targets = new Map<number, number>();
          let targetCount = 0;
          for (const batch of epochOf(source, epoch, rows)) {
            for (const [r, start] of batch.sampleIds.entries()) {
              for (let t = 0; t < sequenceLength; t++) {
                if (start + t < ids.length) inputs.set(start + t, batch.inputIds[r * sequenceLength + t]!);
                const label = batch.labels[r * sequenceLength + t]!;
                if (label === -100) continue;
                targets.set(start + t + 1, label);
                targetCount++;
              }
            }
          }
          // The last token is only ever a target when it is the first one behind a full row.
          for (let i = 0; i < ids.length - 1; i++) expect(inputs.get(i)).toBe(ids[i]);
          const expected = [...ids.keys()].filter((i) => i > 0 && starts[i] === 0);
          expect([...targets.keys()].sort((a, b) => a - b)).toEqual(expected);
          for (const i of expected) expect(targets.get(i)).toBe(ids[i]);
          expect(targetCount).toBe(expected.length);
        },
      ),
      { seed: 3, numRuns: 100 },
    );
  });

  test("two positions have the same document id if and only if no document begins between them", async () => {
    const tokens = await tokensOf(["ab", "c", "defg", "h", "i", "jklmnop"]);
    const starts = new Uint8Array(tokens.length);
    tokens.read(0, new Int32Array(tokens.length), starts);
    const batch = createBatchSource(tokens, { sequenceLength: 6, seed: 0 }).batch(0, 0, 9);
    for (const [r, start] of batch.sampleIds.entries()) {
      for (let s = 0; s < 6 && start + s < tokens.length; s++) {
        for (let t = s + 1; t < 6 && start + t < tokens.length; t++) {
          const same = batch.documentIds![r * 6 + s] === batch.documentIds![r * 6 + t];
          expect(same).toBe(!starts.subarray(start + s + 1, start + t + 1).includes(1));
        }
      }
    }
  });
});

describe("order", () => {
  const text = Array.from({ length: 701 }, (_, i) => String.fromCharCode(97 + (i % 26))).join("");

  test("is the published permutation of seed and epoch", async () => {
    const source = createBatchSource(await tokensOf([text]), { sequenceLength: 7, seed: 11 });
    expect(source.samplesPerEpoch).toBe(100);
    for (const epoch of [0, 5]) {
      const permutation = createPermutation(100, createStream(11, "data").substream(`epoch-${epoch}`));
      const expected = Array.from({ length: 100 }, (_, i) => 7 * permutation.at(i));
      expect(epochOf(source, epoch, 8).flatMap(({ sampleIds }) => sampleIds)).toEqual(expected);
      expect([...expected].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => 7 * i));
    }
  });

  test("differs by epoch and by seed", async () => {
    const tokens = await tokensOf([text]);
    const order = (seed: number, epoch: number) =>
      createBatchSource(tokens, { sequenceLength: 7, seed }).batch(epoch, 0, 100).sampleIds.join();
    expect(new Set([order(1, 0), order(1, 1), order(2, 0)]).size).toBe(3);
  });

  test.each(["packed", "random-windows"] as const)("%s: a batch does not depend on what ran before", async (kind) => {
    const tokens = await tokensOf([text, "another document"], byteEncoderWithEnd);
    const make = () => createBatchSource(tokens, { sequenceLength: 7, seed: 11, sampling: { kind } });
    const used = make();
    await fc.assert(
      fc.property(fc.nat(4), fc.nat(90), fc.integer({ min: 1, max: 9 }), (epoch, index, rows) => {
        const batch = used.batch(epoch, index, rows);
        expect(batch).toEqual(make().batch(epoch, index, rows));
        const single = rowsOf(batch, batch.inputIds).map((_, r) => make().batch(epoch, index + r, 1));
        expect(single.flatMap(({ sampleIds }) => sampleIds)).toEqual(batch.sampleIds);
        expect(single.flatMap(({ labels }) => [...labels])).toEqual([...batch.labels]);
      }),
      { seed: 4, numRuns: 40 },
    );
  });
});

describe("random windows", () => {
  test("start where the stream says, within the text, and are whole", async () => {
    const tokens = await tokensOf(["abcdefghijklmnopqrstuvwxyz"]);
    const source = createBatchSource(tokens, { sequenceLength: 4, seed: 3, sampling: { kind: "random-windows" } });
    expect(source.samplesPerEpoch).toBe(6);
    const windows = createStream(3, "data").substream("windows");
    for (const epoch of [0, 1, 200]) {
      const batch = source.batch(epoch, 0, 6);
      const starts = Array.from({ length: 6 }, (_, row) => windows.intAt(6 * epoch + row, 22));
      expect(batch.sampleIds).toEqual(starts);
      const alphabet = "abcdefghijklmnopqrstuvwxyz";
      expect(table(batch)).toEqual(starts.map((at) => [alphabet.slice(at, at + 4), alphabet.slice(at + 1, at + 5)]));
    }
  });

  test("reach every place, the last one too", async () => {
    const tokens = await tokensOf(["abcdefgh"]);
    const source = createBatchSource(tokens, { sequenceLength: 4, seed: 3, sampling: { kind: "random-windows" } });
    const starts = Array.from({ length: 200 }, (_, epoch) => source.batch(epoch, 0, 1).sampleIds[0]!);
    expect([...new Set(starts)].sort()).toEqual([0, 1, 2, 3]);
  });
});

describe("evaluation", () => {
  test("every target once, in order, the same for every batch size", async () => {
    const tokens = await tokensOf(["abc", "defghijk", "lm"], byteEncoderWithEnd); // abc$defghijk$lm$
    const source = createEvaluationSource(tokens, { sequenceLength: 4 });
    const targets = (rows: number) =>
      [...source.batches(rows)].flatMap((batch) => table(batch).map(([, labels]) => labels)).join("");
    expect(targets(1)).toBe("bc$_efghijk$_m$_");
    for (const rows of [2, 3, 4, 100]) expect(targets(rows)).toBe(targets(1));
    expect([...source.batches(3)].map(({ rows }) => rows)).toEqual([3, 1]);
    const bytes = (rows: number) => [...source.batches(rows)].reduce((sum, { byteCount }) => sum + byteCount!, 0);
    expect([bytes(1), bytes(100)]).toEqual([2 + 7 + 1, 10]);
  });

  test("a split shorter than a row is one row", async () => {
    const [batch, ...more] = createEvaluationSource(await tokensOf(["abc"]), { sequenceLength: 6 }).batches(4);
    expect([table(batch!), more]).toEqual([[["abc...", "bc____"]], []]);
  });
});

describe("what cannot be made into rows", () => {
  test("a corpus shorter than one row", async () => {
    const tokens = await tokensOf(["abcde"]);
    expect(() => createBatchSource(tokens, { sequenceLength: 5, seed: 0 })).toThrow(
      expect.objectContaining({
        code: "DATA_TOO_SHORT",
        message: "the train split has 5 tokens, one row of sequenceLength 5 takes 6",
      }),
    );
    expect(createBatchSource(tokens, { sequenceLength: 4, seed: 0 }).samplesPerEpoch).toBe(1);
  });

  test("a split without a target", async () => {
    const tokens = await tokensOf(["a"]);
    expect(() => createEvaluationSource(tokens, { sequenceLength: 5 })).toThrow(
      expect.objectContaining({ code: "DATA_SPLIT_EMPTY" }),
    );
  });

  test.each([0, -1, 2.5, Number.NaN])("a sequenceLength of %d", async (sequenceLength) => {
    const tokens = await tokensOf(["abc"]);
    const error = expect.objectContaining({ code: "DATA_OPTIONS_INVALID" });
    expect(() => createBatchSource(tokens, { sequenceLength, seed: 0 })).toThrow(error);
    expect(() => createEvaluationSource(tokens, { sequenceLength })).toThrow(error);
  });
});
