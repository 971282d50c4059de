/** Saves a GPT-2 of 124M parameters, then times reading the file and loading the model, in turns. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createModel, loadModel, saveModel } from "@codex/models";
import { selectDevice } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";

await selectDevice("engine");
const folder = await mkdtemp(join(tmpdir(), "codex-loading-"));
try {
  const model = createModel(
    {
      modelType: "gpt2",
      vocabSize: 50257,
      hiddenSize: 768,
      numHiddenLayers: 12,
      numAttentionHeads: 12,
      maxPositionEmbeddings: 1024,
    },
    { seed: 1 },
  );
  await saveModel(model, folder);
  model.dispose();
  const buffer = Buffer.allocUnsafe(64 << 20);
  const readMs = [];
  const loadMs = [];
  let bytes = 0;
  for (let round = 0; round < 4; round += 1) {
    const started = performance.now();
    const file = await open(join(folder, "model.safetensors"));
    bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      bytes += bytesRead;
    }
    await file.close();
    const read = performance.now();
    const loaded = await loadModel(folder);
    tf.backend().sync();
    const done = performance.now();
    loaded.dispose();
    if (round === 0) continue; // the first one fills the disk's cache and the memory
    readMs.push(read - started);
    loadMs.push(done - read);
  }
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  console.log(JSON.stringify({ bytes, readMs: middle(readMs), loadMs: middle(loadMs) }));
} finally {
  await rm(folder, { recursive: true });
}
