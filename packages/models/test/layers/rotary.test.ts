import { fileURLToPath } from "node:url";
import { rotaryAngles, rotaryFrequencies } from "@codex/models";
import { openSafetensors } from "@codex/safetensors";
import * as tf from "@tensorflow/tfjs-core";
import { devices, selectDevice } from "../devices.ts";

const llama3 = {
  ropeType: "llama3", ropeTheta: 100, factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 32,
} as const; // biome-ignore format: as in the fixture

test("llama3 frequencies are those of transformers, in all three bands", async () => {
  const path = fileURLToPath(new URL("../golden/llama-gqa-llama3/expected.safetensors", import.meta.url));
  await using reader = await openSafetensors(path);
  const expected = await reader.readFloat32("inverse_frequencies");
  const frequencies = rotaryFrequencies(16, llama3);
  const unscaled = rotaryFrequencies(16, { ropeType: "default", ropeTheta: 100 });
  const stretch = Array.from(frequencies, (frequency, plane) => unscaled[plane]! / frequency);
  expect(frequencies).toHaveLength(8);
  for (const [plane, value] of expected.entries()) expect(frequencies[plane]! / value).toBeCloseTo(1, 6); // float32
  expect(stretch.filter((value) => value === 1).length).toBeGreaterThan(0);
  expect(stretch.filter((value) => value > 1 && value < 7.999).length).toBeGreaterThan(0);
  expect(stretch.filter((value) => value > 7.999).length).toBeGreaterThan(0);
});

test("frequencies by hand: theta 10000, two planes, stretched by 4", () => {
  expect([...rotaryFrequencies(4, { ropeType: "default", ropeTheta: 10000 })]).toEqual([1, Math.fround(0.01)]);
  expect([...rotaryFrequencies(4, { ropeType: "linear", ropeTheta: 10000, factor: 4 })]).toEqual([
    0.25,
    Math.fround(0.0025),
  ]);
});

test.each(devices)("angles on %s are position times frequency, both halves alike", async (device) => {
  await selectDevice(device);
  const { cos, sin } = tf.tidy(() => rotaryAngles(tf.tensor2d([[0, 3]], undefined, "int32"), Float32Array.of(1, 0.5)));
  const expected = [0, 0, 0, 0, 3, 1.5, 3, 1.5];
  expect([...cos.dataSync()].map((value, i) => Math.abs(value - Math.cos(expected[i]!)) < 1e-6)).not.toContain(false);
  expect([...sin.dataSync()].map((value, i) => Math.abs(value - Math.sin(expected[i]!)) < 1e-6)).not.toContain(false);
  expect(cos.shape).toEqual([1, 2, 4]);
  tf.dispose([cos, sin]);
});
