import { createByteNgramModel } from "@codex/metrics";

async function bits(order: 1 | 2 | 3, training: (string | Uint8Array)[], heldOut: string[]): Promise<number> {
  const model = createByteNgramModel({ order });
  for (const text of training) model.add(text);
  return (await model.bitsPerByte(heldOut)).value;
}

test("by hand: Witten-Bell over the shorter contexts, down to 256 bytes that are alike", async () => {
  // "aab": c(a) = 2, c(b) = 1, 2 different bytes of 3.
  const a = (2 + 2 / 256) / 5;
  const b = (1 + 2 / 256) / 5;
  const z = (0 + 2 / 256) / 5;
  expect(await bits(1, ["aab"], ["a"])).toBeCloseTo(-Math.log2(a), 12);
  expect(await bits(1, ["aab"], ["z"])).toBeCloseTo(-Math.log2(z), 12);
  // After a: a once, b once.
  const bAfterA = (1 + 2 * b) / 4;
  expect(await bits(2, ["aab"], ["ab"])).toBeCloseTo(-(Math.log2(a) + Math.log2(bAfterA)) / 2, 12);
  // After aa: b once. After b nothing was seen: the bigram has only the unigram to go by.
  const bAfterAa = (1 + 1 * bAfterA) / 2;
  const aAfterA = (1 + 2 * a) / 4;
  const expected = -(Math.log2(a) + Math.log2(aAfterA) + Math.log2(bAfterAa)) / 3;
  expect(await bits(3, ["aab"], ["aab"])).toBeCloseTo(expected, 12);
  expect(await bits(2, ["aab"], ["ba"])).toBeCloseTo(-(Math.log2(b) + Math.log2(a)) / 2, 12);
});

test.each([1, 2, 3] as const)(
  "the probabilities of all bytes after any context add up to one: order %i",
  async (order) => {
    const model = createByteNgramModel({ order });
    model.add("abracadabra");
    for (const context of ["", "a", "br", "zz", "az"]) {
      let sum = 0;
      const before =
        context === "" ? 0 : (await model.bitsPerByte([new TextEncoder().encode(context)])).value * context.length;
      for (let byte = 0; byte < 256; byte++) {
        const text = Uint8Array.from([...Buffer.from(context), byte]);
        sum += 2 ** -((await model.bitsPerByte([text])).value * text.length - before);
      }
      expect(sum).toBeCloseTo(1, 9);
    }
  },
);

test("texts are separate, and a longer context helps where there is something to learn", async () => {
  expect(await bits(2, ["ab", "cd"], ["bc"])).toBe(await bits(2, ["ab", "cd"], ["b", "c"]));
  const training = ["the cat sat on the mat. ".repeat(20)];
  const values = [
    await bits(1, training, training),
    await bits(2, training, training),
    await bits(3, training, training),
  ];
  expect(values[1]!).toBeLessThan(values[0]!);
  expect(values[2]!).toBeLessThan(values[1]!);
});

test("n is bytes of UTF-8, and nothing has no value", async () => {
  const model = createByteNgramModel({ order: 2 });
  await expect(model.bitsPerByte(["a"])).rejects.toMatchObject({
    code: "METRICS_EMPTY",
    message: expect.stringContaining("training"),
  });
  model.add("\u00e9a");
  expect((await model.bitsPerByte(["\u00e9", "a"])).n).toBe(3);
  await expect(model.bitsPerByte([""])).rejects.toMatchObject({
    code: "METRICS_EMPTY",
    message: expect.stringContaining("held-out"),
  });
});
