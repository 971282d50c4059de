/**
 * Times generated tokens of an untrained GPT-2 of 124M parameters.
 * usage: codex-generation.mjs DEVICE PROJECT
 */
import { createModel, generateStream } from "@codex/models";
import { selectDevice } from "@codex/tensor";

const [device, projectDirectory] = process.argv.slice(2);
await selectDevice(device, { projectDirectory });
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
const timesMs = [];
let last = performance.now();
const stream = generateStream(model, [1, 2, 3, 4, 5, 6, 7, 8], {
  maxNewTokens: 72,
  temperature: 0.8,
  topK: 50,
  stopTokenIds: [],
  seed: 1,
});
for await (const _token of stream) {
  const now = performance.now();
  timesMs.push(now - last);
  last = now;
}
const parameters = [...model.parameters().entries()];
// The position table gives one row; everything else is read once per token.
const bytesPerToken = parameters.reduce(
  (sum, [name, { variable }]) => sum + (name.endsWith("wpe.weight") ? 0 : 4 * variable.size),
  0,
);
const steady = timesMs.slice(8).sort((a, b) => a - b);
console.log(JSON.stringify({ medianTokenMs: steady[steady.length >> 1], bytesPerToken }));
