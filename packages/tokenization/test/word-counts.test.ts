import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  countWords,
  mergeWordCounts,
  openWordCounts,
  type PrunedWords,
  trainByteLevelBpe,
  trainWordLevel,
  type WordCounts,
} from "@codex/tokenization";
import fc from "fast-check";
import { AlignedText } from "../src/pipeline/aligned-text.ts";
import { readNormalizer } from "../src/pipeline/normalizers/read-normalizer.ts";
import { readPreTokenizer } from "../src/pipeline/pre-tokenizers/read-pre-tokenizer.ts";
import { NORMALIZER_JSON, PRE_TOKENIZER_JSON } from "../src/training/word-splitter.ts";
import { WordTable } from "../src/training/word-table.ts";

const MEGABYTE = 2 ** 20;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codex-counts-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** About three megabytes of words, of which most are different and some are frequent. */
function* manyWords(documents = 40): Generator<string> {
  let state = 12345;
  for (let document = 0; document < documents; document++) {
    const words: string[] = [];
    for (let i = 0; i < 5000; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      words.push(i % 3 === 0 ? `frequent${state % 50}` : `w${(state >>> 4) % 200_000}\u00e9`);
    }
    yield words.join(" ");
  }
}

function naiveCounts(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of text.split(/\s+/)) if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

async function save(counts: WordCounts, name: string): Promise<Buffer> {
  const path = join(directory, name);
  await counts.save(path);
  return readFileSync(path);
}

test("words are counted as the definition has it, in ascending order of their bytes", async () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "b", " ", "\n", "\u00e9", "\ud83d\ude00", "\u2003"),
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (texts) => {
      const counts = await countWords(texts, { preTokenizer: "whitespace" });
      const entries = [...counts.entries()];
      expect(new Map(entries)).toEqual(naiveCounts(texts));
      const words = entries.map(([word]) => Buffer.from(word));
      expect(words).toEqual(words.toSorted(Buffer.compare));
    }),
    { seed: 5, numRuns: 200 },
  );
});

test.each(["whitespace", "bert", "bert-uncased", "metaspace"] as const)(
  "%s cuts where the tokenizer that is trained will cut",
  async (preTokenizer) => {
    const normalize = readNormalizer(NORMALIZER_JSON[preTokenizer] ?? null);
    const cut = readPreTokenizer(PRE_TOKENIZER_JSON[preTokenizer])!;
    const unit = fc.constantFrom(
      ..."aZ\u00c9\u0301.,\u3002\u4f60 \t\n\u3000\u2581\u200d\u0000\u{1f600}\u{1d49c}",
      "\ud83d",
    );
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, maxLength: 30 }), async (text) => {
        const whole = AlignedText.of(text, false);
        const expected = new Map<string, number>();
        for (const { text: word } of cut(normalize?.(whole) ?? whole)) {
          if (word !== "") expected.set(word, (expected.get(word) ?? 0) + 1);
        }
        expect(new Map((await countWords([text], { preTokenizer })).entries())).toEqual(expected);
      }),
      { seed: 21, numRuns: 300 },
    );
  },
);

test("every string is counted, also one with half of a surrogate pair", async () => {
  const counts = await countWords(["\ud83d \ude00\ud83d", "\ud83d"], { preTokenizer: "none" });
  expect([...counts.entries()]).toEqual([
    ["\ud83d", 1],
    ["\ud83d \ude00\ud83d", 1],
  ]);
});

test("metaspace marks spaces, puts a mark before the text, and cuts at marks", async () => {
  const counts = await countWords(["one  two\nx", " one", "", "\u2581one"], { preTokenizer: "metaspace" });
  expect(new Map(counts.entries())).toEqual(
    new Map([
      ["\u2581one", 3],
      ["\u2581", 1],
      ["\u2581two\nx", 1],
    ]),
  );
});

test("counts that do not fit into memory give the same file, and leave nothing behind", async () => {
  const inMemory = await countWords(manyWords(), { preTokenizer: "whitespace" });
  const spilled = await countWords(manyWords(), {
    preTokenizer: "whitespace",
    memoryBudgetBytes: MEGABYTE,
    temporaryDirectory: join(directory, "spill"),
  });
  expect(readdirSync(join(directory, "spill"))).toHaveLength(1);
  expect((await save(spilled, "spilled")).equals(await save(inMemory, "memory"))).toBe(true);
  expect(new Map(spilled.entries())).toEqual(naiveCounts(manyWords()));
  await spilled.dispose();
  expect(readdirSync(join(directory, "spill"))).toEqual([]);
  expect(() => spilled.cursor()).toThrow("dispose");
});

test("training in little memory gives the same tokenizer, and removes its folder", async () => {
  const options = { vocabSize: 400, temporaryDirectory: directory };
  const small = await trainByteLevelBpe(manyWords(8), { ...options, memoryBudgetBytes: MEGABYTE });
  expect(small.saveFiles()).toEqual((await trainByteLevelBpe(manyWords(8), options)).saveFiles());
  expect(readdirSync(directory)).toEqual([]);
});

test("an error while counting removes the folder", async () => {
  function* failing() {
    yield* manyWords();
    throw new Error("no more texts");
  }
  const spill = join(directory, "spill");
  const options = { memoryBudgetBytes: MEGABYTE, temporaryDirectory: spill };
  await expect(countWords(failing(), options)).rejects.toThrow("no more texts");
  expect(readdirSync(spill)).toEqual([]);
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  await expect(countWords(manyWords(), { ...options, signal: controller.signal, onProgress })).rejects.toThrow(
    "enough",
  );
  expect(readdirSync(spill)).toEqual([]);
});

test("parts that were counted apart add up to the whole, in any order", async () => {
  const texts = [...manyWords(6)];
  const whole = await countWords(texts, { preTokenizer: "whitespace" });
  const parts: WordCounts[] = [];
  for (let i = 0; i < 3; i++) {
    const part = await countWords(texts.slice(2 * i, 2 * i + 2), { preTokenizer: "whitespace" });
    await part.save(join(directory, `part-${i}`));
    parts.push(await openWordCounts(join(directory, `part-${i}`)));
  }
  const merged = await mergeWordCounts(parts, { memoryBudgetBytes: MEGABYTE, temporaryDirectory: directory });
  expect([...merged.entries()]).toEqual([...whole.entries()]);
  const { documents, bytes, sha256 } = merged.header.corpus;
  expect({ documents, bytes }).toEqual({
    documents: 6,
    bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
  });
  const reversed = await mergeWordCounts(parts.toReversed());
  expect((await save(reversed, "reversed")).equals(await save(merged, "merged"))).toBe(true);
  expect(sha256).toBe(reversed.header.corpus.sha256);
  await merged.dispose();
});

test("past the budget of disk the rarest words are left out: told, recorded, and the frequent ones exact", async () => {
  const told: PrunedWords[] = [];
  const counts = await countWords(manyWords(120), {
    preTokenizer: "whitespace",
    memoryBudgetBytes: MEGABYTE,
    diskBudgetBytes: 4 * MEGABYTE,
    temporaryDirectory: directory,
    onPrune: (pruned) => told.push(pruned),
  });
  const exact = naiveCounts(manyWords(120));
  expect(told.length).toBeGreaterThan(0);
  const sum = (field: keyof PrunedWords) => told.reduce((total, pruned) => total + pruned[field], 0);
  expect(counts.header.pruned).toEqual({
    words: sum("words"),
    occurrences: sum("occurrences"),
    min_frequency: Math.max(...told.map(({ min_frequency }) => min_frequency)),
  });
  let occurrences = 0;
  const wrong: string[] = [];
  for (const [word, count] of counts.entries()) {
    occurrences += count;
    if (count > exact.get(word)! || (word.startsWith("frequent") && count !== exact.get(word))) wrong.push(word);
  }
  expect(wrong).toEqual([]);
  expect(occurrences + sum("occurrences")).toBe([...exact.values()].reduce((total, count) => total + count, 0));
  const { manifest } = await trainWordLevel(counts, { vocabSize: 300 });
  expect(manifest.corpus.pruned).toEqual(counts.header.pruned);
  await counts.dispose();
});

test("a table of words refuses what does not fit, and counts past 2^53 are an error", () => {
  const table = new WordTable(MEGABYTE);
  const word = new Uint8Array(20);
  let words = 0;
  for (; ; words++) {
    new DataView(word.buffer).setUint32(0, words);
    if (!table.add(word, 0, 20, 1)) break;
  }
  expect(words).toBeGreaterThan(4000);
  expect(table.size).toBe(words);
  new DataView(word.buffer).setUint32(0, 7);
  expect(table.add(word, 0, 20, Number.MAX_SAFE_INTEGER - 1)).toBe(true);
  expect(() => table.add(word, 0, 20, 1)).toThrow(expect.objectContaining({ code: "TOKENIZER_COUNT_OVERFLOW" }));
});

test("counts past 2^32 survive a file, and train", async () => {
  const counts = await countWords(["ab ab ab abc"], { preTokenizer: "gpt2" });
  let merged = counts;
  for (let doubling = 0; doubling < 40; doubling++) merged = await mergeWordCounts([merged, merged]);
  await merged.save(join(directory, "large"));
  const large = await openWordCounts(join(directory, "large"));
  expect(new Map(large.entries())).toEqual(
    new Map([
      [" ab", 2 * 2 ** 40],
      [" abc", 2 ** 40],
      ["ab", 2 ** 40],
    ]),
  );
  const tokenizer = await trainByteLevelBpe(large, { vocabSize: 260 });
  expect(tokenizer.toJSON().model.merges).toEqual(
    (await trainByteLevelBpe(counts, { vocabSize: 260 })).toJSON().model.merges,
  );
  for (let doubling = 0; doubling < 11; doubling++) merged = await mergeWordCounts([merged, merged]);
  await expect(mergeWordCounts([merged, merged])).rejects.toMatchObject({ code: "TOKENIZER_COUNT_OVERFLOW" });
});

describe("a file that is", () => {
  let bytes: Buffer;
  beforeEach(async () => {
    bytes = await save(await countWords(["one two two three", "\u00e9"], { preTokenizer: "whitespace" }), "good");
  });
  const open = async (contents: Uint8Array) => {
    const path = join(directory, "bad");
    writeFileSync(path, contents);
    return openWordCounts(path);
  };

  test("cut short anywhere is refused", async () => {
    for (let length = 0; length < bytes.length; length++) {
      await expect(open(bytes.subarray(0, length))).rejects.toMatchObject({ code: "TOKENIZER_FILE_INVALID" });
    }
  });

  test("changed in any one byte is refused", async () => {
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << (at % 8);
      await expect(open(changed)).rejects.toMatchObject({
        code: expect.stringMatching(/^TOKENIZER_(FILE_INVALID|UNSUPPORTED)$/),
        message: expect.stringContaining("bad"),
      });
    }
  });

  test("longer is refused; one that is not there, too", async () => {
    await expect(open(Buffer.concat([bytes, Buffer.of(0)]))).rejects.toMatchObject({ code: "TOKENIZER_FILE_INVALID" });
    await expect(openWordCounts(join(directory, "none"))).rejects.toMatchObject({ code: "TOKENIZER_FILE_MISSING" });
  });

  test("made of arbitrary bytes is refused", async () => {
    const start = bytes.subarray(0, 16);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 0, maxLength: 300 }), fc.boolean(), async (noise, withStart) => {
        await expect(open(withStart ? Buffer.concat([start, noise]) : noise)).rejects.toMatchObject({
          code: expect.stringMatching(/^TOKENIZER_(FILE_INVALID|UNSUPPORTED)$/),
        });
      }),
      { seed: 8, numRuns: 200 },
    );
  });
});

test.each([
  [{ memoryBudgetBytes: 1000 }, "memoryBudgetBytes: expected an integer, 1048576 or more, got 1000"],
  [{ memoryBudgetBytes: MEGABYTE, diskBudgetBytes: MEGABYTE }, "diskBudgetBytes"],
  [{ preTokenizer: "t5" as "gpt2" }, "preTokenizer: expected one of gpt2,"],
])("%j is refused", async (options, message) => {
  await expect(countWords(["a"], options)).rejects.toMatchObject({
    code: "TOKENIZER_OPTIONS_INVALID",
    message: expect.stringContaining(message),
  });
});

test("a word that no memory is there for, and counts that do not belong together, are refused", async () => {
  const code = "TOKENIZER_OPTIONS_INVALID";
  const huge = countWords(["a".repeat(2 * MEGABYTE)], { memoryBudgetBytes: MEGABYTE, preTokenizer: "none" });
  await expect(huge).rejects.toMatchObject({ code, message: expect.stringContaining("the longest word, got 1048576") });
  const [gpt2, none] = [await countWords(["a"]), await countWords(["a"], { preTokenizer: "none" })];
  await expect(mergeWordCounts([gpt2, none])).rejects.toMatchObject({ code });
  await expect(mergeWordCounts([])).rejects.toMatchObject({ code });
  await expect(trainByteLevelBpe(none, { vocabSize: 300 })).rejects.toMatchObject({
    code,
    message: "preTokenizer: expected that of the counts, none, got gpt2",
  });
});
