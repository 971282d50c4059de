import { createPermutation, createStream } from "@codex/random";
import fc from "fast-check";

fc.configureGlobal({ seed: 20250101 });

const stream = (seed: number, name = "data") => createStream(seed, name);
const listOf = (length: number, source = stream(1)) => {
  const permutation = createPermutation(length, source);
  return Array.from({ length }, (_, index) => permutation.at(index));
};
const range = (length: number) => Array.from({ length }, (_, index) => index);
const sorted = (items: number[]) => items.slice().sort((a, b) => a - b);

test("every length up to 300 is permuted", () => {
  for (let length = 0; length <= 300; length++) expect(sorted(listOf(length))).toEqual(range(length));
});

test("any length and seed is permuted", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5000 }), fc.maxSafeNat(), (length, seed) => {
      expect(sorted(listOf(length, stream(seed)))).toEqual(range(length));
    }),
    { numRuns: 30 },
  );
});

test("huge lengths stay within bounds and do not collide", () => {
  for (const length of [2 ** 31 + 1, 2 ** 32, 2 ** 40 + 3, Number.MAX_SAFE_INTEGER]) {
    const permutation = createPermutation(length, stream(1));
    const seen = new Set<number>();
    for (let index = 0; index < 500; index++) {
      for (const item of [permutation.at(index), permutation.at(length - 1 - index)]) {
        expect(Number.isSafeInteger(item) && item >= 0 && item < length).toBe(true);
        seen.add(item);
      }
    }
    expect(seen.size).toBe(1000);
  }
});

test("differs by seed, by epoch and by length, and is the same again for the same", () => {
  const orders = [
    listOf(50, stream(1)),
    listOf(50, stream(2)),
    listOf(50, stream(1).substream("epoch-0")),
    listOf(50, stream(1).substream("epoch-1")),
    listOf(51, stream(1)).filter((item) => item < 50),
  ];
  expect(new Set(orders.map((order) => order.join())).size).toBe(5);
  expect(listOf(50, stream(1))).toEqual(orders[0]);
});

test("is pinned: a change here changes the order of every run ever made", () => {
  expect(listOf(16, stream(42))).toEqual(PINNED);
});

test.each([
  [3, 6, 200, 20.52],
  [4, 24, 100, 49.73],
  [5, 120, 30, 174.6],
])("all orders of %d items are equally likely: chi-square over %d orders", (length, orders, expected, limit) => {
  // limit: 99.9 % point of chi-square with orders - 1 degrees of freedom.
  const trials = orders * expected;
  const counts = new Map<string, number>();
  for (let trial = 0; trial < trials; trial++) {
    const order = listOf(length, stream(trial)).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(orders);
  let chiSquare = 0;
  for (const count of counts.values()) chiSquare += (count - expected) ** 2 / expected;
  expect(chiSquare).toBeLessThan(limit);
});

test("where an item goes is uniform: chi-square over the places of item 0 among 20", () => {
  const counts = new Array<number>(20).fill(0);
  for (let trial = 0; trial < 8000; trial++) counts[createPermutation(20, stream(trial)).at(0)]!++;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0);
  expect(chiSquare).toBeLessThan(43.82); // 99.9 % point, 19 degrees of freedom
});

test("neighbours do not stay neighbours", () => {
  const order = listOf(4096, stream(8));
  const steps = order.slice(1).filter((item, index) => Math.abs(item - order[index]!) === 1).length;
  expect(steps).toBeLessThan(12); // 2 expected
});

test.each([-1, 1.5, 2 ** 53])("length %d is refused", (length) => {
  expect(() => createPermutation(length, stream(1))).toThrow(
    expect.objectContaining({ code: "RANDOM_LENGTH_INVALID" }),
  );
});

test.each([-1, 0.5, 10])("item %d of 10 is refused", (index) => {
  expect(() => createPermutation(10, stream(1)).at(index)).toThrow(
    expect.objectContaining({ code: "RANDOM_INDEX_OUT_OF_RANGE" }),
  );
});

const PINNED = [0, 15, 8, 12, 13, 5, 7, 2, 11, 6, 4, 14, 9, 3, 10, 1];
