import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type TrainingProgress, trainByteLevelBpe } from "@codex/tokenization";
import fc from "fast-check";
import { pieceEnd } from "../src/pre-tokenizer.ts";

/** The definition, counted anew for every merge. */
function naiveMerges(texts: readonly string[], vocabSize: number): string[][] {
  const cut = pieceEnd("gpt2");
  const words: string[][] = [];
  for (const text of texts) {
    for (let start = 0; start < text.length; ) {
      const end = cut(text, start);
      words.push([...text.slice(start, end)]);
      start = end;
    }
  }
  const ids = new Map(Array.from({ length: 94 }, (_, i) => [String.fromCharCode(33 + i), i]));
  ids.set(" ", 256); // after every printable one; the texts here have no other bytes
  const merges: string[][] = [];
  while (256 + merges.length < vocabSize) {
    const counts = new Map<string, { pair: [string, string]; count: number }>();
    for (const word of words) {
      word.slice(1).forEach((right, i) => {
        const pair: [string, string] = [word[i]!, right];
        const entry = counts.get(pair.join("\0")) ?? { pair, count: 0 };
        entry.count++;
        counts.set(pair.join("\0"), entry);
      });
    }
    const order = [...counts.values()].sort(
      (a, b) =>
        b.count - a.count || ids.get(a.pair[0])! - ids.get(b.pair[0])! || ids.get(a.pair[1])! - ids.get(b.pair[1])!,
    );
    const best = order[0]?.pair;
    if (best === undefined) break;
    merges.push(best);
    ids.set(best.join(""), 300 + merges.length);
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++)
        if (word[i] === best[0] && word[i + 1] === best[1]) word.splice(i, 2, best.join(""));
    }
  }
  return merges.map((merge) => merge.map((token) => token.replaceAll(" ", "\u0120")));
}

test("merges are those of the definition", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c", " "), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 256, max: 290 }),
      async (texts, vocabSize) => {
        fc.pre(texts.join("") !== "");
        const tokenizer = await trainByteLevelBpe(texts, { vocabSize, specialTokens: {} });
        expect(tokenizer.toJSON().model.merges).toEqual(naiveMerges(texts, vocabSize));
      },
    ),
    { seed: 3, numRuns: 150 },
  );
});

const documents = ["one fish two fish", "", "red fish blue fish\n", "caf\u00e9 \ud83d\ude00"];

test("a stream gives the same bytes as a list; the manifest has what it came from", async () => {
  async function* stream() {
    for (const document of documents) {
      await new Promise((resolve) => setImmediate(resolve));
      yield document;
    }
  }
  const options = { vocabSize: 265, inputs: [{ path: "fish.txt", bytes: 47, sha256: "0".repeat(64) }] };
  const [fromList, fromStream] = [
    await trainByteLevelBpe(documents, options),
    await trainByteLevelBpe(stream(), options),
  ];
  expect(fromStream.saveFiles()).toEqual(fromList.saveFiles());
  expect(fromList.manifest).toMatchObject({
    schema_version: 1,
    trainer: { name: "byte-level-bpe", version: 1 },
    settings: { vocab_size: 265, min_frequency: 0, pre_tokenizer: "gpt2", special_tokens: { eos: "<|endoftext|>" } },
    corpus: { documents: 4, bytes: 46, inputs: options.inputs },
    result: { vocab_size: 265, merges: 8 },
  });
});

test("the hash of the corpus tells where documents end", async () => {
  const hash = async (texts: string[]) => (await trainByteLevelBpe(texts, { vocabSize: 257 })).manifest.corpus.sha256;
  expect(await hash(["ab", "c"])).not.toBe(await hash(["a", "bc"]));
  // printf '\1\0\0\0\0\0\0\0a' | sha256sum
  expect(await hash(["a"])).toBe("ae6121c88ba555f64c3d812123eb799d128015541f850c5e9bf1d54c08ad8481");
});

test("a corpus without enough pairs gives a smaller vocabulary, and says so", async () => {
  const tokenizer = await trainByteLevelBpe(["abcd"], { vocabSize: 1000 });
  expect(tokenizer.vocabSize).toBe(260);
  expect(tokenizer.manifest.settings.vocab_size).toBe(1000);
  expect(tokenizer.manifest.result.vocab_size).toBe(260);
  expect((await trainByteLevelBpe(["abcd abcd"], { vocabSize: 1000, minFrequency: 2 })).vocabSize).toBe(260);
  expect((await trainByteLevelBpe(["abcd"], { vocabSize: 1000, minFrequency: 2 })).vocabSize).toBe(257);
});

test.each([
  [
    { vocabSize: 256 },
    "TOKENIZER_VOCAB_TOO_SMALL",
    "vocabSize: expected at least 257 (256 bytes and 1 special tokens), got 256",
  ],
  [{ vocabSize: 255, specialTokens: {} }, "TOKENIZER_VOCAB_TOO_SMALL", "at least 256"],
  [
    { vocabSize: 300, preTokenizer: "gpt3" as "gpt2" },
    "TOKENIZER_OPTIONS_INVALID",
    'preTokenizer: expected one of gpt2, llama3, qwen2, none, got "gpt3"',
  ],
  [{ vocabSize: 300.5 }, "TOKENIZER_OPTIONS_INVALID", "vocabSize"],
  [{ vocabSize: 300, minFrequency: -1 }, "TOKENIZER_OPTIONS_INVALID", "minFrequency"],
])("%j is refused", async (options, code, message) => {
  await expect(trainByteLevelBpe(["text"], options)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

test("an empty corpus is refused", async () => {
  await expect(trainByteLevelBpe([], { vocabSize: 300 })).rejects.toMatchObject({ code: "TOKENIZER_CORPUS_EMPTY" });
  await expect(trainByteLevelBpe(["", ""], { vocabSize: 300 })).rejects.toMatchObject({
    code: "TOKENIZER_CORPUS_EMPTY",
  });
});

test("progress is told, and an abort ends both phases, even of a stream that never waits", async () => {
  const megabyte = "lorem ipsum ".repeat(90_000);
  const seen: TrainingProgress[] = [];
  await trainByteLevelBpe([megabyte, documents.join(" ")], {
    vocabSize: 270,
    onProgress: (progress) => seen.push(progress),
  });
  expect(seen[0]).toEqual({ phase: "count", documents: 1, bytes: 1_080_000, bytesPerSecond: expect.any(Number) });
  expect(seen.at(-1)).toEqual({
    phase: "merge",
    tokens: 270,
    vocabSize: 270,
    tokensPerSecond: expect.any(Number),
    secondsLeft: 0,
  });
  const inputs = [{ path: "a.txt", bytes: 2_160_000, sha256: "0".repeat(64) }];
  const half: TrainingProgress[] = [];
  await trainByteLevelBpe([megabyte], { vocabSize: 257, inputs, onProgress: (progress) => half.push(progress) });
  const counting = half.find((progress) => progress.phase === "count")!;
  expect(counting.secondsLeft! * counting.bytesPerSecond).toBeCloseTo(1_080_000, 0);

  function* endless() {
    for (;;) yield megabyte;
  }
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 1);
  await expect(trainByteLevelBpe(endless(), { vocabSize: 300, signal: controller.signal })).rejects.toThrow("enough");

  const later = new AbortController();
  const text = Array.from({ length: 300 }, (_, i) => `w${i * 7919}`).join(" ");
  const onProgress = ({ phase }: TrainingProgress) => phase === "merge" && later.abort(new Error("merging"));
  await expect(trainByteLevelBpe([text], { vocabSize: 900, signal: later.signal, onProgress })).rejects.toThrow(
    "merging",
  );
});

test("the corpus is not kept: long words hold no text alive", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  let before = 0;
  let after = 0;
  // 32 texts of a megabyte, each with a word of its own that is long enough to be a view of its text.
  function* texts() {
    before = heap();
    for (let i = 0; i < 32; i++)
      yield `${"filler ".repeat(150_000)}averyveryverylongword${"abcdefgh"[i % 8]}${"ijklmnop"[i >> 3]}`;
    after = heap();
  }
  const tokenizer = await trainByteLevelBpe(texts(), { vocabSize: 260 });
  expect(tokenizer.manifest.corpus.bytes).toBeGreaterThan(32e6);
  expect(after - before).toBeLessThan(8e6);
});
