import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBatchSource, createCorpus, createEvaluationSource, createTextSource, tokenizeCorpus } from "@codex/data";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codex-data-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const bytes = { encode: (text: string) => Buffer.from(text, "utf8"), vocabSize: 256 };

test("from a text file to rows: contiguous split, inputs, shifted labels", async () => {
  writeFileSync(join(directory, "a.txt"), "0123456789abcdefghij");
  const corpus = createCorpus(createTextSource({ path: "a.txt" }, { directory }), {
    split: { kind: "contiguous", validation: 0.25 },
  });
  const { splits, manifest } = await tokenizeCorpus(corpus, bytes);
  expect(manifest.splits).toEqual({
    train: { tokens: 15, documents: 1 },
    validation: { tokens: 5, documents: 1 },
    test: { tokens: 0, documents: 0 },
  });
  expect(manifest.inputs).toEqual([
    { path: "a.txt", bytes: 20, sha256: "6bc14bdc4517a7a682c6910de2e2946eb8e1ecd04090728fef6d092a7ceb62c5" },
  ]);
  const source = createBatchSource(splits.train, { sequenceLength: 4, seed: 1, sampling: { shuffle: false } });
  expect(source.samplesPerEpoch).toBe(4);
  const batch = source.batch(0, 2, 8);
  const string = (ids: Int32Array) => String.fromCharCode(...ids.map((id) => (id < 0 ? 42 : id)));
  expect([batch.rows, string(batch.inputIds), string(batch.labels), batch.sampleIds]).toEqual([
    2,
    "89abcde\0",
    "9abcde**",
    [8, 12],
  ]);
  const evaluation = [...createEvaluationSource(splits.validation, { sequenceLength: 3 }).batches(1)];
  expect(evaluation.map((part) => string(part.labels))).toEqual(["ghi", "j**"]);
});
