import { createStream, fillNormal, fillUniform, philox4x32, RandomError } from "@codex/random";
import fc from "fast-check";

fc.configureGlobal({ seed: 20250101 });

const seeds = fc.maxSafeNat();
const names = fc.string({ minLength: 1, unit: "grapheme" });
// Fills touch the next 40 draws, so the last ones of the range are left to a test of their own.
const indices = fc.oneof(fc.nat(100), fc.maxSafeNat()).filter((index) => index < Number.MAX_SAFE_INTEGER - 40);

describe("keys", () => {
  test("are the published function of seed and name", () => {
    const seed = 5 * 2 ** 32 + 7;
    // "dropout-1" in UTF-8, eight bytes at a time, little-endian.
    const first = philox4x32([0x706f7264, 0x2d74756f, 0, 2 ** 31 + 9], [7, 5]);
    const second = philox4x32([0x31, 0, 1, 2 ** 31 + 9], [first[0], first[1]]);
    expect(createStream(seed, "dropout-1").key).toEqual([second[0], second[1]]);
  });

  test("are pinned: a change here changes every run ever made", () => {
    const keys = [0, 42, Number.MAX_SAFE_INTEGER].map((seed) => createStream(seed, "init").key);
    expect(keys).toEqual(PINNED_KEYS);
  });

  test("differ for every seed and name tried", () => {
    const seen = new Set<string>();
    for (const seed of [0, 1, 2, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      for (const name of ["init", "data", "dropout", "sampling", "a", "a\0", "aa", "abcdefgh", "abcdefgh\0"]) {
        seen.add(createStream(seed, name).key.join());
        seen.add(createStream(seed, name).substream("a").key.join());
      }
    }
    expect(seen.size).toBe(6 * 9 * 2);
  });

  test("a substream is a function of its parent and its name, and carries both names", () => {
    const child = createStream(3, "data").substream("epoch-2");
    expect(child.name).toBe("data/epoch-2");
    expect(child.seed).toBe(3);
    expect(child.key).toEqual(createStream(3, "data").substream("epoch-2").key);
    expect(child.key).not.toEqual(createStream(3, "data/epoch-2").key);
  });
});

describe("draws", () => {
  test("a word is a word of the published block", () => {
    const stream = createStream(11, "words");
    const index = 4 * (2 ** 32 + 9) + 2;
    expect(stream.uint32At(index)).toBe(philox4x32([9, 1, 0, 0], stream.key)[2]);
  });

  test("a uniform is the word's upper 24 bits, and exact in float32", () => {
    fc.assert(
      fc.property(seeds, names, indices, (seed, name, index) => {
        const stream = createStream(seed, name);
        const uniform = stream.uniformAt(index);
        expect(uniform).toBe(Math.floor(stream.uint32At(index) / 256) / 2 ** 24);
        expect(Math.fround(uniform)).toBe(uniform);
      }),
    );
  });

  test("fills give the draws, from any index and at any length", () => {
    fc.assert(
      fc.property(seeds, indices, fc.nat(37), (seed, from, length) => {
        const stream = createStream(seed, "fill");
        const at = Array.from({ length }, (_, i) => from + i);
        const uniforms = at.map((index) => stream.uniformAt(index));
        const normals = at.map((index) => Math.fround(stream.normalAt(index)));
        expect([...stream.fillUniform(new Float32Array(length), from)]).toEqual(uniforms);
        expect([...stream.fillNormal(new Float32Array(length), from)]).toEqual(normals);
        expect([...fillUniform(stream.key, new Float32Array(length), from)]).toEqual(uniforms);
        expect([...fillNormal(stream.key, new Float32Array(length), from)]).toEqual(normals);
      }),
    );
  });

  test("a fill begins at index 0 and returns its target", () => {
    const stream = createStream(1, "fill");
    const target = new Float32Array(3);
    expect(stream.fillNormal(target)).toBe(target);
    expect(target[2]).toBe(Math.fround(stream.normalAt(2)));
    expect(stream.fillUniform(target)[1]).toBe(stream.uniformAt(1));
  });

  test("the last index of all can be drawn", () => {
    const stream = createStream(1, "end");
    const last = Number.MAX_SAFE_INTEGER;
    expect(stream.fillUniform(new Float32Array(2), last - 1)[1]).toBe(stream.uniformAt(last));
    expect(stream.fillNormal(new Float32Array(2), last - 1)[1]).toBe(Math.fround(stream.normalAt(last)));
    expect(() => stream.fillUniform(new Float32Array(2), last)).toThrow(RandomError);
  });

  test("an integer is below its maximum, for any maximum", () => {
    fc.assert(
      fc.property(seeds, indices, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (seed, index, max) => {
        const value = createStream(seed, "int").intAt(index, max);
        expect(Number.isSafeInteger(value) && value >= 0 && value < max).toBe(true);
      }),
    );
  });

  test("an integer is redrawn when it would favour small values", () => {
    // With 3 * 2^51 as the maximum, a quarter of the 53-bit values is refused.
    const stream = createStream(5, "int");
    const max = 3 * 2 ** 51;
    let redrawn = 0;
    for (let index = 0; index < 400; index++) {
      let attempt = 0;
      let value: number;
      do {
        const words = philox4x32([index, 0, 1, attempt++], stream.key);
        value = (words[1] % 2 ** 21) * 2 ** 32 + words[0];
      } while (value >= max);
      if (attempt > 1) redrawn++;
      expect(stream.intAt(index, max)).toBe(value);
    }
    expect(redrawn).toBeGreaterThan(70);
  });

  test("integers are uniform: chi-square over 10 bins", () => {
    const stream = createStream(2024, "chi-square");
    const counts = new Array<number>(10).fill(0);
    const draws = 20_000;
    for (let index = 0; index < draws; index++) counts[stream.intAt(index, 10)]!++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - draws / 10) ** 2 / (draws / 10), 0);
    expect(chiSquare).toBeLessThan(27.88); // 99.9 % point, 9 degrees of freedom
  });
});

describe("refusals", () => {
  const stream = createStream(1, "x");
  test.each([
    ["RANDOM_SEED_INVALID", () => createStream(-1, "x")],
    ["RANDOM_SEED_INVALID", () => createStream(1.5, "x")],
    ["RANDOM_SEED_INVALID", () => createStream(2 ** 53, "x")],
    ["RANDOM_NAME_INVALID", () => createStream(1, "")],
    ["RANDOM_NAME_INVALID", () => stream.substream("")],
    ["RANDOM_INDEX_OUT_OF_RANGE", () => stream.uint32At(-1)],
    ["RANDOM_INDEX_OUT_OF_RANGE", () => stream.normalAt(Number.NaN)],
    ["RANDOM_INDEX_OUT_OF_RANGE", () => stream.fillUniform(new Float32Array(0), 0.5)],
    ["RANDOM_LENGTH_INVALID", () => stream.intAt(0, 0)],
    ["RANDOM_LENGTH_INVALID", () => stream.intAt(0, 2 ** 53)],
  ])("%s: %s", (code, draw) => {
    expect(draw).toThrow(expect.objectContaining({ name: "RandomError", code }));
  });
});

const PINNED_KEYS = [
  [2020146919, 231288253],
  [471679180, 1908838935],
  [862252585, 3606731529],
];
