import {
  createBatchSource,
  createCorpus,
  createEvaluationSource,
  type HostBatch,
  type TextSource,
  tokenizeCorpus,
} from "@codex/data";
import { createModel, type LanguageModel } from "@codex/models";
import { selectDevice } from "@codex/tensor";
import { createByteTokenizer } from "@codex/tokenization";
import * as tf from "@tensorflow/tfjs-core";

const SEQUENCE_LENGTH = 32;
const LEFT = "The quick brown fox."; // 20 tokens, and one that ends the document
const OTHER_LEFT = "0123456789 0123456789 0"; // longer: what follows stands elsewhere in the row
const RIGHT = "Lorem.";

const tokenizer = createByteTokenizer();

async function tokensOf(...texts: string[]) {
  const source: TextSource = {
    settings: {},
    inputs: async () => [],
    async *documents() {
      for (const text of texts) yield { text, origin: "test" };
    },
  };
  return (await tokenizeCorpus(createCorpus(source, { split: { validation: 0 } }), tokenizer)).splits.train;
}

/** The one row that holds these documents, as training and evaluation get it. */
async function rowOf(texts: string[], isolateDocuments: boolean): Promise<HostBatch> {
  const tokens = await tokensOf(...texts);
  const [row, ...more] = createEvaluationSource(tokens, { sequenceLength: SEQUENCE_LENGTH, isolateDocuments }).batches(
    8,
  );
  expect([row!.rows, more]).toEqual([1, []]);
  return row!;
}

/** The tokens of `text` where the row predicts them, and only there. */
function onlyTargetsOf(text: string, batch: HostBatch): HostBatch {
  const ids = tokenizer.encode(text);
  const from = batch.inputIds.findIndex((_, at) => ids.every((id, i) => batch.inputIds[at + i] === id));
  const until = from + ids.length; // with the end of the document, without its first token, which nothing predicts
  return { ...batch, labels: batch.labels.map((label, at) => (at >= from && at < until ? label : -100)) };
}

function lossOf(model: LanguageModel, batch: HostBatch): { nats: number; targets: number } {
  const upload = (ids: Int32Array) => tf.tensor2d(ids, [batch.rows, batch.sequenceLength], "int32");
  return tf.tidy(() => {
    const { lossSum, targetCount } = model.loss(
      {
        inputIds: upload(batch.inputIds),
        labels: upload(batch.labels),
        ...(batch.documentIds && { documentIds: upload(batch.documentIds) }),
        ...(batch.positionIds && { positionIds: upload(batch.positionIds) }),
      },
      { training: false },
    );
    return { nats: lossSum.dataSync()[0]!, targets: targetCount.dataSync()[0]! };
  });
}

const sizes = {
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 16,
  intermediateSize: 24,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  maxPositionEmbeddings: SEQUENCE_LENGTH,
  initializerRange: 0.3, // large, so that what a position attends to shows in its loss
};
const models = { gpt2: { modelType: "gpt2", ...sizes }, llama: { modelType: "llama", ...sizes, numKeyValueHeads: 2 } };

describe.each(["cpu", "wasm"] as const)("documents packed into one row, on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device);
  });

  describe.each(["gpt2", "llama"] as const)("%s", (family) => {
    let model: LanguageModel;
    beforeAll(() => {
      model = createModel(models[family], { seed: 3 });
    });
    afterAll(() => model.dispose());

    test("isolated: changing one document leaves the loss of the next unmoved", async () => {
      const before = onlyTargetsOf(RIGHT, await rowOf([LEFT, RIGHT], true));
      const after = onlyTargetsOf(RIGHT, await rowOf([LEFT.replaceAll("o", "#"), RIGHT], true));
      expect(after.inputIds).not.toEqual(before.inputIds);
      expect(lossOf(model, before).targets).toBe(RIGHT.length);
      expect(lossOf(model, after)).toEqual(lossOf(model, before));
    });

    test("isolated: a document's loss is what it is in a row of its own, wherever it stands", async () => {
      const alone = lossOf(model, onlyTargetsOf(RIGHT, await rowOf([RIGHT], true)));
      for (const left of [LEFT, OTHER_LEFT]) {
        const packed = lossOf(model, onlyTargetsOf(RIGHT, await rowOf([left, RIGHT], true)));
        expect(packed.targets).toBe(alone.targets);
        expect(Math.abs(packed.nats / alone.nats - 1)).toBeLessThan(1e-6);
      }
    });

    test("isolated: it is so for the rows of training", async () => {
      const sampling = { shuffle: false, isolateDocuments: true };
      const lossIn = async (left: string) => {
        const tokens = await tokensOf(left, RIGHT, LEFT);
        const batch = createBatchSource(tokens, { sequenceLength: SEQUENCE_LENGTH, seed: 1, sampling }).batch(0, 0, 1);
        return lossOf(model, onlyTargetsOf(RIGHT, batch));
      };
      expect(await lossIn(LEFT.toUpperCase())).toEqual(await lossIn(LEFT.toLowerCase()));
    });

    test("not isolated: the same change moves the loss", async () => {
      const before = lossOf(model, onlyTargetsOf(RIGHT, await rowOf([LEFT, RIGHT], false)));
      const after = lossOf(model, onlyTargetsOf(RIGHT, await rowOf([LEFT.replaceAll("o", "#"), RIGHT], false)));
      expect(Math.abs(after.nats / before.nats - 1)).toBeGreaterThan(1e-4);
    });
  });
});
