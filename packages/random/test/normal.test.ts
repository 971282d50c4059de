import { createStream } from "@codex/random";

/** Box-Muller by the engine's own Math. */
function reference(first: number, second: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log((first + 1) / 2 ** 32));
  const angle = (2 * Math.PI * second) / 2 ** 32;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

test("normals are Box-Muller of the words of their pair, to 1e-14", () => {
  const stream = createStream(9, "normal");
  for (let pair = 0; pair < 5000; pair++) {
    const [cosine, sine] = reference(stream.uint32At(2 * pair), stream.uint32At(2 * pair + 1));
    expect(Math.abs(stream.normalAt(2 * pair) - cosine)).toBeLessThan(1e-14);
    expect(Math.abs(stream.normalAt(2 * pair + 1) - sine)).toBeLessThan(1e-14);
  }
});

test("normals are pinned to the bit: they do not depend on the engine's Math", () => {
  const stream = createStream(42, "init");
  const bits = new BigUint64Array(Float64Array.from({ length: 4 }, (_, index) => stream.normalAt(index)).buffer);
  expect([...bits].map((word) => word.toString(16))).toEqual(PINNED_NORMALS);
});

test("moments and tails of a million normals", () => {
  const values = createStream(7, "moments").fillNormal(new Float32Array(1_000_000));
  let sum = 0;
  let squares = 0;
  let fourths = 0;
  let beyond2 = 0;
  let products = 0;
  for (let i = 0; i < values.length; i++) {
    const z = values[i]!;
    sum += z;
    squares += z * z;
    fourths += z ** 4;
    if (Math.abs(z) > 2) beyond2++;
    if (i > 0) products += z * values[i - 1]!;
  }
  // Five standard errors each: 1/sqrt(n), sqrt(2/n), sqrt(96/n), sqrt(p(1-p)/n), 1/sqrt(n).
  const n = values.length;
  expect(Math.abs(sum / n)).toBeLessThan(0.005);
  expect(Math.abs(squares / n - 1)).toBeLessThan(0.0071);
  expect(Math.abs(fourths / n - 3)).toBeLessThan(0.049);
  expect(Math.abs(beyond2 / n - 0.0455)).toBeLessThan(0.00105);
  expect(Math.abs(products / n)).toBeLessThan(0.005);
});

const PINNED_NORMALS = ["bfe256a59176b2e9", "3fc3d7ac10e855d1", "bfef9dc8c2e23401", "bfe06c382184d15f"];
