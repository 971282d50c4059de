// Saves a model as a user would and writes our logits beside it, for check_saved.py. Needs `npm run build`.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createModel, loadModel, saveModel } from "../../../packages/models/dist/index.js";
import { selectDevice } from "../../../packages/models/node_modules/@codex/tensor/dist/index.js";
import * as tf from "../../../packages/models/node_modules/@tensorflow/tfjs-core/dist/tf-core.node.js";

const [folder, source] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node save_for_check.mjs FOLDER [SOURCE_MODEL_FOLDER | gpt2 | llama]");
  process.exit(2);
}
const sizes = { vocabSize: 101, hiddenSize: 32, intermediateSize: 48, numHiddenLayers: 2, numAttentionHeads: 4, maxPositionEmbeddings: 32 };
const created = { gpt2: sizes, llama: { ...sizes, numKeyValueHeads: 2, initializerRange: 0.1, eosTokenId: [1, 2] } };

await selectDevice("cpu");
const model =
  source === "gpt2" || source === "llama" || source === undefined
    ? createModel({ modelType: source ?? "llama", ...created[source ?? "llama"] }, { seed: 1 })
    : await loadModel(source);
await saveModel(model, folder);
const inputIds = [Array.from({ length: 16 }, (_, t) => (7 * t * t + 3) % model.config.vocabSize)];
const logits = model.logits(tf.tensor2d(inputIds, undefined, "int32")).arraySync();
await writeFile(join(folder, "codex-logits.json"), JSON.stringify({ inputIds, logits }));
console.log(`${model.family} saved in ${folder}`);
