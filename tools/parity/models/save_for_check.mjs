// Saves a model as a user would, and writes our logits beside it for check_saved.py. How to run it: tools/parity/README.md.
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createModel, loadModel, saveModel } from "../../../packages/models/src/index.ts";
import { selectDevice } from "../../../packages/tensor/src/index.ts";

const tf = createRequire(new URL("../../../packages/models/package.json", import.meta.url))("@tensorflow/tfjs-core");

const [folder, source = "llama"] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: save_for_check.mjs FOLDER [gpt2 | llama | SOURCE_MODEL_FOLDER]");
  process.exit(2);
}
const sizes = {
  vocabSize: 101,
  hiddenSize: 32,
  intermediateSize: 48,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  maxPositionEmbeddings: 32,
  initializerRange: 0.1,
  bosTokenId: 0,
  eosTokenId: [1, 2],
};
const ropeParameters = {
  ropeType: "llama3",
  factor: 4,
  lowFreqFactor: 1,
  highFreqFactor: 4,
  originalMaxPositionEmbeddings: 16,
};
const configs = { gpt2: sizes, llama: { ...sizes, numKeyValueHeads: 2, ropeParameters } };

await selectDevice("cpu");
const isFamily = Object.hasOwn(configs, source);
const model = isFamily ? createModel({ modelType: source, ...configs[source] }, { seed: 1 }) : await loadModel(source);
await saveModel(model, folder, { maxShardBytes: 40_000 });
const inputIds = [Array.from({ length: 16 }, (_, t) => (7 * t * t + 3) % model.config.vocabSize)];
const logits = model.logits(tf.tensor2d(inputIds, undefined, "int32")).arraySync();
await writeFile(join(folder, "codex-logits.json"), JSON.stringify({ inputIds, logits }));
console.log(`${model.family} saved in ${folder}`);
