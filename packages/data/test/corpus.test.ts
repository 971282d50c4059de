import { CorpusOptions, createCorpus, type SplitName, splitOfText } from "@codex/data";
import * as fc from "fast-check";
import Value from "typebox/value";
import { collect, sourceOf } from "./support/sources.ts";

const all = { split: { validation: 0 } };
const textsOf = async (documents: Parameters<typeof sourceOf>[0], options: Parameters<typeof createCorpus>[1]) =>
  (await collect(createCorpus(sourceOf(documents), options).read())).map(({ text }) => text);

test("the defaults of the schema are those of the function", () => {
  const { source, ...settings } = createCorpus(sourceOf([])).settings;
  expect(source).toEqual({ dataset: "test" });
  expect(Value.Default(CorpusOptions, {})).toEqual(settings);
});

describe("preparation", () => {
  test("text is left as it is unless asked", async () => {
    expect(await textsOf(["a\r\nb", "e\u0301"], all)).toEqual(["a\r\nb", "e\u0301"]);
    const normalization = { unicode: "NFC", newlines: "unix" } as const;
    expect(await textsOf(["a\r\nb\rc", "e\u0301"], { ...all, normalization })).toEqual(["a\nb\nc", "\u00e9"]);
    expect(await textsOf(["\ufb01n"], { ...all, normalization: { unicode: "NFKC" } })).toEqual(["fin"]);
  });

  test("duplicates are found after normalisation, counted, and only the first stays", async () => {
    const options = { ...all, normalization: { newlines: "unix" } } as const;
    const reading = createCorpus(sourceOf(["a\n", "b", "a\r\n", "", "b"]), options).read();
    expect((await collect(reading)).map(({ text, origin }) => [text, origin])).toEqual([
      ["a\n", "test:1"],
      ["b", "test:2"],
    ]);
    expect(reading.statistics).toEqual({
      redactedSecrets: 0,
      emptyDocuments: 1,
      duplicateDocuments: 2,
      splits: {
        train: { documents: 2, bytes: 3 },
        validation: { documents: 0, bytes: 0 },
        test: { documents: 0, bytes: 0 },
      },
    });
    expect(await textsOf(["a", "a"], { ...all, deduplicate: false })).toEqual(["a", "a"]);
  });

  test("thousands of texts and as many duplicates", async () => {
    const texts = Array.from({ length: 5000 }, (_, i) => `text ${i}`);
    expect(await textsOf([...texts, ...texts], all)).toEqual(texts);
  });

  test("what follows a dropped piece does not continue it", async () => {
    const piece = (text: string, continues: boolean) => ({ text, origin: "file", continues });
    const source = sourceOf(["b", piece("a", false), piece("b", true), piece("c", true), piece("d", true)]);
    expect((await collect(createCorpus(source, all).read())).map(({ text, continues }) => [text, continues])).toEqual([
      ["b", false],
      ["a", false],
      ["c", false],
      ["d", true],
    ]);
  });

  test("secrets are replaced when asked, and counted", async () => {
    const secret = `AKIA${"IOSFODNN7EXAMPL2"}`; // in two halves, so that scanners of this repository pass it by
    const source = sourceOf([`key ${secret} and ${secret}`]);
    const reading = createCorpus(source, { ...all, redactSecrets: true }).read();
    expect((await collect(reading))[0]!.text).not.toContain(secret);
    expect(reading.statistics.redactedSecrets).toBe(2);
    expect((await collect(createCorpus(source, all).read()))[0]!.text).toContain(secret);
  });
});

describe("split by hash", () => {
  // u as Python computes it: (int.from_bytes(sha256(f"{seed}\n{text}".encode()).digest(), "big") >> 203) / 2**53
  test.each([
    [0, "", 0.6021594504285696],
    [0, "abc", 0.5908618505069902],
    [0, "caf\u00e9", 0.6520182265057767],
    [0, "\u{1f600}", 0.5337413476311801],
    [1, "abc", 0.7736690489324414],
    [42, "interface A {}", 0.17973241477108193],
  ])("seed %d, %j: u is %d", (seed, text, u) => {
    const above = u + 2 ** -53;
    expect(splitOfText(text, { seed, validation: u, test: 0 })).toBe("train");
    expect(splitOfText(text, { seed, validation: above, test: 0 })).toBe("validation");
    expect(splitOfText(text, { seed, validation: 0, test: u })).toBe("train");
    expect(splitOfText(text, { seed, validation: 0, test: above })).toBe("test");
  });

  test("shares are as asked", async () => {
    const source = sourceOf(Array.from({ length: 4000 }, (_, i) => `document ${i}`));
    const reading = createCorpus(source, { split: { validation: 0.2, test: 0.1 } }).read();
    await collect(reading);
    const { train, validation, test } = reading.statistics.splits;
    expect([train.documents, validation.documents, test.documents]).toEqual([2785, 811, 404]);
  });

  const splitsOf = async (texts: readonly string[]) => {
    const corpus = createCorpus(sourceOf(texts), { split: { validation: 0.3, test: 0.2 } });
    const found = new Map<string, Set<SplitName>>();
    try {
      for await (const { text, split } of corpus.read()) found.set(text, (found.get(text) ?? new Set()).add(split));
    } catch {
      // An empty split is an error at the end of the reading; what was read stands.
    }
    return found;
  };

  test("is disjoint, and stable when files are reordered, added and repeated", async () => {
    const texts = fc.array(fc.string(), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(texts, texts, async (some, others) => {
        const before = await splitsOf(some);
        const after = await splitsOf([...others, ...some.toReversed(), ...some]);
        for (const splits of after.values()) expect(splits.size).toBe(1);
        for (const [text, splits] of before) expect(after.get(text)).toEqual(splits);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test("pieces of one document stay together", async () => {
    const pieces = Array.from({ length: 50 }, (_, i) => ({ text: `piece ${i}`, origin: "file", continues: i > 0 }));
    const others = Array.from({ length: 20 }, (_, i) => `document ${i}`);
    const read = await collect(createCorpus(sourceOf([...others, ...pieces]), { split: { validation: 0.5 } }).read());
    const splits = new Set(read.filter(({ origin }) => origin === "file").map(({ split }) => split));
    expect(splits.size).toBe(1);
  });
});

describe("contiguous split", () => {
  const parts = async (documents: Parameters<typeof sourceOf>[0], split: object) => {
    const texts = { train: "", validation: "", test: "" };
    const corpus = createCorpus(sourceOf(documents), { deduplicate: false, split: { kind: "contiguous", ...split } });
    for await (const { text, split: name } of corpus.read()) texts[name] += text;
    return texts;
  };

  test("the first part of the whole text is train, whatever it is made of", async () => {
    for (const documents of [["0123456789"], ["01", "2345", "6", "789"], [..."0123456789"]]) {
      expect(await parts(documents, { validation: 0.2, test: 0.1 })).toEqual({
        train: "0123456",
        validation: "78",
        test: "9",
      });
    }
  });

  test("a cut is at a character: what stands across goes to what follows", async () => {
    expect(await parts(["a\u{1f600}b"], { validation: 0.5 })).toEqual({
      train: "a",
      validation: "\u{1f600}b",
      test: "",
    });
    expect(await parts(["a", "\u20ac", "b"], { validation: 0.5 })).toEqual({
      train: "a",
      validation: "\u20acb",
      test: "",
    });
  });

  test("loses nothing", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "binary", minLength: 20, maxLength: 60 }), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0.1, 0.25, 0.5),
        async (documents, validation) => {
          const texts = await parts(documents, { validation });
          const whole = documents.join("");
          expect(texts.train + texts.validation).toBe(whole);
          const limit = Buffer.byteLength(whole) * (1 - validation);
          expect(Buffer.byteLength(texts.train)).toBeLessThanOrEqual(limit);
          expect(Buffer.byteLength(texts.train)).toBeGreaterThan(limit - 4);
        },
      ),
      { seed: 2, numRuns: 50 },
    );
  });

  test("the part of a document behind a cut is a document of its own", async () => {
    const corpus = createCorpus(sourceOf(["0123456789"]), { split: { kind: "contiguous", validation: 0.5 } });
    expect((await collect(corpus.read())).map(({ text, split, continues }) => [text, split, continues])).toEqual([
      ["01234", "train", false],
      ["56789", "validation", false],
    ]);
  });

  test("texts gives one split", async () => {
    const corpus = createCorpus(sourceOf(["ab", "cd"]), { split: { kind: "contiguous", validation: 0.25 } });
    expect(await collect(corpus.texts("train"))).toEqual(["ab", "c"]);
    expect(await collect(corpus.texts("validation"))).toEqual(["d"]);
  });
});
