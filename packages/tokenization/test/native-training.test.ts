/** The native trainer and the native counting against the TypeScript code; without the library, that code against itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countWords, type PreTokenizerName, trainByteLevelBpe, trainWordPiece } from "@codex/tokenization";
import fc from "fast-check";
import { nativeLibrary } from "../src/native/binding.ts";
import { BREAK } from "../src/training/alphabet.ts";
import { learnMerges } from "../src/training/learn-merges.ts";
import { trainMerges } from "../src/training/merge-trainer.ts";

async function inTypeScript<Result>(run: () => Promise<Result>): Promise<Result> {
  process.env["CODEX_TOKENIZER_NATIVE"] = "0";
  try {
    expect(nativeLibrary().binding).toBeUndefined();
    return await run();
  } finally {
    delete process.env["CODEX_TOKENIZER_NATIVE"];
  }
}

interface Words {
  words: { symbols: number[]; count: number }[];
  letters: number;
  vocabSize: number;
  minFrequency: number;
}

/** The definition: all pairs counted anew for every merge. */
function naiveMerges({ words, letters, vocabSize, minFrequency }: Words): number[][] {
  const texts = words.map(({ symbols, count }) => ({ symbols: [...symbols], count }));
  const merges: number[][] = [];
  while (letters + merges.length < vocabSize) {
    const counts = new Map<number, number>();
    for (const { symbols, count } of texts) {
      for (let i = 0; i + 1 < symbols.length; i++) {
        const [left, right] = [symbols[i]!, symbols[i + 1]!];
        if (left === BREAK || right === BREAK) continue;
        counts.set(left * 1000 + right, (counts.get(left * 1000 + right) ?? 0) + count);
      }
    }
    const [pair, count] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [0, 0];
    if (count < Math.max(1, minFrequency)) break;
    const [left, right] = [Math.floor(pair / 1000), pair % 1000];
    merges.push([left, right]);
    for (const { symbols } of texts) {
      for (let i = 0; i + 1 < symbols.length; i++) {
        if (symbols[i] === left && symbols[i + 1] === right) symbols.splice(i, 2, letters + merges.length - 1);
      }
    }
  }
  return merges;
}

test("the naive trainer, the TypeScript trainer and the native one agree", async () => {
  const input = fc.integer({ min: 1, max: 4 }).chain((letters) =>
    fc.record({
      letters: fc.constant(letters),
      words: fc.array(
        fc.record({
          symbols: fc.array(
            fc.oneof({ weight: 20, arbitrary: fc.nat(letters - 1) }, { weight: 1, arbitrary: fc.constant(BREAK) }),
            { minLength: 1, maxLength: 14 },
          ),
          count: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2 ** 31, max: 2 ** 40 })),
        }),
        { minLength: 1, maxLength: 10 },
      ),
      vocabSize: fc.integer({ min: letters, max: 30 }),
      minFrequency: fc.nat(3),
    }),
  );
  await fc.assert(
    fc.asyncProperty(input, async (words) => {
      const tokens = Array.from({ length: words.letters }, (_, id) => "abcd"[id]!);
      const training = () => {
        const starts = [0];
        for (const { symbols } of words.words) starts.push(starts.at(-1)! + symbols.length);
        return {
          symbols: Uint32Array.from(words.words.flatMap(({ symbols }) => symbols)),
          starts: Uint32Array.from(starts),
          counts: Float64Array.from(words.words, ({ count }) => count),
          tokens,
          vocabSize: words.vocabSize,
          minFrequency: words.minFrequency,
          reserved: new Set<string>(),
        };
      };
      const names = [...tokens];
      const expected = naiveMerges(words).map(([left, right]) => {
        names.push(names[left!]! + names[right!]!);
        return [names[left!], names[right!]];
      });
      const steps = trainMerges(training());
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      expect(step.value.merges).toEqual(expected);
      expect(await learnMerges(training(), {})).toEqual({ tokens: names, merges: expected });
    }),
    { seed: 17, numRuns: 1000 },
  );
});

function* documents(): Generator<string> {
  let state = 99;
  for (let document = 0; document < 30; document++) {
    let text = "";
    for (let i = 0; i < 3000; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const number = state >>> 5;
      const words = [
        "the",
        `w${number % 30_000}`,
        "don't",
        "\u4f60\u597d",
        "\ud83d\ude00\ud83d",
        `${number}`,
        "\n\n",
        "  x",
      ];
      text += `${words[(state >>> 20) % words.length]} `;
    }
    yield text;
  }
}

test.each<PreTokenizerName>(["gpt2", "llama3", "qwen2", "none"])(
  "words are counted alike, in little memory and on any number of threads: %s",
  async (preTokenizer) => {
    const temporaryDirectory = mkdtempSync(join(tmpdir(), "codex-native-"));
    try {
      const expected = await inTypeScript(async () => [...(await countWords(documents(), { preTokenizer })).entries()]);
      for (const options of [{ threads: 1 }, { threads: 3 }, { threads: 2, memoryBudgetBytes: 2 ** 20 }]) {
        const counts = await countWords(documents(), { preTokenizer, temporaryDirectory, ...options });
        expect([...counts.entries()]).toEqual(expected);
        await counts.dispose();
      }
    } finally {
      rmSync(temporaryDirectory, { recursive: true });
    }
  },
);

test("tokenizers are alike, to the byte", async () => {
  const options = { vocabSize: 900, specialTokens: { eos: "don" } };
  const expected = await inTypeScript(async () => (await trainByteLevelBpe(documents(), options)).saveFiles());
  expect((await trainByteLevelBpe(documents(), options)).saveFiles()).toEqual(expected);
  for (const texts of [[...documents()], ["### ## # a# #a ".repeat(5), "#### ##a"]]) {
    const pieces = async () => (await trainWordPiece(texts, { vocabSize: 700 })).json;
    expect(await pieces()).toEqual(await inTypeScript(pieces));
  }
});
