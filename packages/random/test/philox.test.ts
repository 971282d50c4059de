import { readFileSync } from "node:fs";
import { philox4x32 } from "@codex/random";

const hex = (text: string) => text.split(" ").map((word) => Number.parseInt(word, 16));

// The three "philox4x32 10" lines of tests/kat_vectors in Random123: counter, key, block.
test.each([
  ["00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
  ["ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"],
  ["243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"],
])("Random123 known answer: counter %s, key %s", (counter, key, block) => {
  expect(philox4x32(hex(counter) as never, hex(key) as never)).toEqual(hex(block));
});

test("words outside 32 bits count modulo 2^32", () => {
  expect(philox4x32([-1, 2 ** 32, 1, 2 ** 33 + 5], [-1, 7])).toEqual(
    philox4x32([0xffffffff, 0, 1, 5], [0xffffffff, 7]),
  );
});

test("another implementation's blocks (randomgen, see tools/parity/random)", () => {
  const cases = JSON.parse(readFileSync(new URL("golden/philox4x32.json", import.meta.url), "utf8")) as {
    counter: [number, number, number, number];
    key: [number, number];
    block: number[];
  }[];
  expect(cases.length).toBeGreaterThan(30);
  for (const { counter, key, block } of cases) expect(philox4x32(counter, key)).toEqual(block);
});
