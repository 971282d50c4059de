import { readFileSync } from "node:fs";
import { trainUnigram } from "@codex/tokenization";
import { type CharacterWords, characterWords, UNCOVERED } from "../src/training/unigram/character-words.ts";
import { seedPieces } from "../src/training/unigram/seed-pieces.ts";
import { type Pieces, UnigramModel } from "../src/training/unigram/unigram-model.ts";
import {
  trainUnigramPieces,
  type UnigramPiece,
  type UnigramSettings,
} from "../src/training/unigram/unigram-trainer.ts";
import { native } from "./native.ts";

const golden = readFileSync(new URL("golden/unigram.json", import.meta.url), "utf8");

function train(words: Iterable<readonly [string, number]>, settings: UnigramSettings): UnigramPiece[] {
  const rounds = trainUnigramPieces(words, settings);
  for (;;) {
    const round = rounds.next();
    if (round.done === true) return round.value;
    expect(round.value).toBeGreaterThan(0);
  }
}

/** A small generator with a seed, for cases that come out the same each time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomWords(random: (below: number) => number): [string, number][] {
  const words = new Map<string, number>();
  for (let i = 0; i < 1 + random(6); i++) {
    const word = Array.from({ length: 1 + random(7) }, () => "abc"[random(3)]!).join("");
    words.set(word, 1 + random(4));
  }
  return [...words];
}

function spell({ characters, codePoints }: CharacterWords, start: number, length: number): string {
  return String.fromCodePoint(...characters.slice(start, start + length).map((number) => codePoints[number]!));
}

test("seeds are the substrings that lose occurrences when they are made longer", () => {
  const random = randomNumbers(1);
  for (let round = 0; round < 300; round++) {
    const words = randomWords(random);
    const occurrences = (text: string): number =>
      words.reduce((sum, [word, count]) => {
        let found = 0;
        for (let at = 0; at + text.length <= word.length; at++) if (word.startsWith(text, at)) found += count;
        return sum + found;
      }, 0);
    const expected = new Set<string>();
    for (const [word] of words) {
      for (let start = 0; start < word.length; start++) {
        for (let end = start + 2; end <= word.length; end++) {
          const text = word.slice(start, end);
          if (text.length > 5 || occurrences(text) < 2) continue;
          const longer = [..."abc"].some((next) => text.length < 5 && occurrences(text + next) === occurrences(text));
          if (!longer) expected.add(`${text} ${occurrences(text)}`);
        }
      }
    }
    const corpus = characterWords(words, 1);
    const found = seedPieces(corpus, 5, 1000).map(
      ({ start, length, count }) => `${spell(corpus, start, length)} ${count}`,
    );
    expect(found.toSorted()).toEqual([...expected].toSorted());
    const values = seedPieces(corpus, 5, 1000).map(({ length, count }) => length * count);
    expect(values).toEqual(values.toSorted((a, b) => b - a));
  }
});

/** All ways through a text, by their pieces. */
function waysThrough(text: string, pieces: readonly string[]): number[][] {
  if (text === "") return [[]];
  return pieces.flatMap((piece, id) =>
    text.startsWith(piece) ? waysThrough(text.slice(piece.length), pieces).map((rest) => [id, ...rest]) : [],
  );
}

test("expected counts and best ways are those of all ways", () => {
  const random = randomNumbers(2);
  for (let round = 0; round < 300; round++) {
    const names = ["a", "b", "c"];
    while (names.length < 8) {
      const name = Array.from({ length: 2 + random(3) }, () => "abc"[random(3)]!).join("");
      if (!names.includes(name)) names.push(name);
    }
    const probabilities = Float64Array.from(names, () => (1 + random(1000)) / 1e4);
    const characters = names.map((name) => Int32Array.from(name, (letter) => "abc".indexOf(letter)));
    const model = new UnigramModel({ characters, probabilities } satisfies Pieces, 3);
    const text = Array.from({ length: 1 + random(9) }, () => "abc"[random(3)]!).join("");
    const numbers = Int32Array.from(text, (letter) => "abc".indexOf(letter));
    const ways = waysThrough(text, names);
    const likelihoods = ways.map((way) => way.reduce((product, piece) => product * probabilities[piece]!, 1));
    const total = likelihoods.reduce((sum, one) => sum + one, 0);
    const expected = new Float64Array(8);
    ways.forEach((way, i) => {
      for (const piece of way) expected[piece]! += likelihoods[i]! / total;
    });
    const found = new Float64Array(8);
    model.expected(numbers, 0, numbers.length, (piece, share) => (found[piece] = found[piece]! + share));
    found.forEach((share, piece) => {
      expect(Math.abs(share - expected[piece]!)).toBeLessThan(1e-12 * (1 + text.length));
    });
    for (const excluded of [-1, 0, 5]) {
      const best = ways
        .map((way, i) => ({ way, likelihood: likelihoods[i]! }))
        .filter(({ way }) => !way.includes(excluded))
        .reduce((most, { likelihood }) => Math.max(most, likelihood), 0);
      const path: number[] = [];
      const score = model.bestOf(numbers, 0, numbers.length, excluded, (piece) => path.unshift(piece));
      if (best === 0) expect(score).toBeUndefined();
      else {
        expect(Math.abs(score! - Math.log(best))).toBeLessThan(1e-10);
        expect(path.map((piece) => names[piece]).join("")).toBe(text);
      }
    }
  }
});

test("long runs stay in the range of numbers, and a character without a token cuts them", () => {
  const characters = [Int32Array.of(0), Int32Array.of(0, 0), Int32Array.of(0, 0, 0)];
  const model = new UnigramModel({ characters, probabilities: Float64Array.of(1e-9, 3e-9, 1e-12) }, 1);
  for (const length of [10_000, 257, 100]) {
    let covered = 0;
    model.expected(new Int32Array(length), 0, length, (piece, share) => {
      expect(share >= 0 && share <= 1 + 1e-9).toBe(true);
      covered += share * (piece + 1);
    });
    expect(Math.abs(covered - length)).toBeLessThan(1e-7 * length);
  }
  const shares: number[] = [];
  model.expected(Int32Array.of(0, UNCOVERED, 0, UNCOVERED), 0, 4, (piece, share) => shares.push(piece, share));
  expect(shares.map((share) => Number(share.toFixed(12)))).toEqual([0, 1, 0, 1]);
});

const shakespeare = new URL("../../../examples/data/tinyshakespeare/input.txt", import.meta.url);
const text = readFileSync(shakespeare, "utf8").slice(0, 60_000);
const lines = text.split("\n").map((line) => line.split(" ").filter((word) => word !== ""));
const counts = new Map<string, number>();
for (const word of lines.flat()) counts.set(`▁${word}`, (counts.get(`▁${word}`) ?? 0) + 1);

test.each((JSON.parse(golden) as { cases: { vocabSize: number; tokens: number }[] }).cases)(
  "needs no more tokens than a vocabulary of SentencePiece: $vocabSize",
  ({ vocabSize, tokens }) => {
    const pieces = train(counts, { pieceCount: vocabSize - 1, characterCoverage: 1 }); // it has <unk> besides
    expect(pieces).toHaveLength(vocabSize - 1);
    expect(new Set(pieces.map(({ piece }) => piece)).size).toBe(vocabSize - 1);
    const codePoints = [...new Set(text)].map((character) => character.codePointAt(0)!).concat(0x2581);
    const numbers = new Map(codePoints.map((point, number) => [point, number]));
    const encode = (word: string) => Int32Array.from(word, (character) => numbers.get(character.codePointAt(0)!)!);
    const model = new UnigramModel(
      {
        characters: pieces.map(({ piece }) => encode(piece)),
        probabilities: Float64Array.from(pieces, ({ score }) => Math.exp(score)),
      },
      codePoints.length,
    );
    let ours = 0;
    for (const [word, count] of counts) {
      const characters = encode(word);
      model.best(characters, 0, characters.length, () => (ours += count));
    }
    expect(ours / tokens).toBeLessThan(1.005);
  },
);

test("the order of the words does not matter, and rare characters get no piece", () => {
  const settings = { pieceCount: 300, characterCoverage: 0.999 };
  const first = train(counts, settings);
  expect(train([...counts].reverse(), settings)).toEqual(first);
  const inPieces = new Set(first.flatMap(({ piece }) => [...piece]));
  const inText = new Map<string, number>();
  for (const [word, count] of counts) {
    for (const character of word) inText.set(character, (inText.get(character) ?? 0) + count);
  }
  const byCount = [...inText].sort(([, a], [, b]) => a - b).map(([character]) => character);
  expect(inPieces.has(byCount[0]!)).toBe(false);
  expect(inPieces.has(byCount.at(-1)!)).toBe(true);
});

describe("trainUnigram", () => {
  const texts = lines.map((line) => line.join(" ")).filter((line) => line !== "");
  const options = { vocabSize: 700, characterCoverage: 0.999 };

  afterEach(() => {
    delete process.env["CODEX_TOKENIZER_NATIVE"];
  });

  // A clone without Rust has no native trainer to compare with.
  const nativeTest = native === undefined ? test.skip : test;
  nativeTest("the native trainer and this one give the same file", async () => {
    const trained = await trainUnigram(texts, options);
    process.env["CODEX_TOKENIZER_NATIVE"] = "0";
    const pieces: number[] = [];
    const ours = await trainUnigram(texts, {
      ...options,
      onProgress: (progress) => {
        if (progress.phase === "prune") pieces.push(progress.pieces);
      },
    });
    expect(ours).toEqual(trained);
    expect(pieces.length).toBeGreaterThan(4);
    expect(pieces).toEqual(pieces.toSorted((a, b) => b - a));
    const { model, added_tokens } = trained.json as unknown as {
      model: { unk_id: number; vocab: [string, number][] };
      added_tokens: { content: string; id: number }[];
    };
    expect(model.vocab).toHaveLength(700);
    expect(added_tokens.map(({ content, id }) => model.vocab[id]![0] === content)).toEqual([true, true, true]);
    expect(model.vocab[model.unk_id]![0]).toBe("<unk>");
    expect(model.vocab[3]![0]).toBe("<0x00>");
  });

  test("a text with a surrogate that stands alone", async () => {
    const strange = ["a\ud800b ab ab", "ab a b"];
    const settings = { vocabSize: 10, byteFallback: false, characterCoverage: 1 };
    const trained = await trainUnigram(strange, settings);
    process.env["CODEX_TOKENIZER_NATIVE"] = "0";
    expect(await trainUnigram(strange, settings)).toEqual(trained);
    const { vocab } = (trained.json as unknown as { model: { vocab: [string, number][] } }).model;
    expect(vocab.map(([piece]) => piece)).toContain("\u2581a");
    expect(vocab.some(([piece]) => piece.includes("\ud800"))).toBe(false);
  });

  test.each([
    [{ vocabSize: 259 }, "TOKENIZER_VOCAB_TOO_SMALL"],
    [{ vocabSize: 265 }, "TOKENIZER_VOCAB_TOO_SMALL"],
    [{ vocabSize: 500, characterCoverage: 0 }, "TOKENIZER_OPTIONS_INVALID"],
    [{ vocabSize: 500, shrinkingFactor: 1 }, "TOKENIZER_OPTIONS_INVALID"],
    [{ vocabSize: 500, maxPieceLength: 300 }, "TOKENIZER_OPTIONS_INVALID"],
    [{ vocabSize: 500, specialTokens: { unk: "<0x41>" } }, "TOKENIZER_SPECIAL_TOKEN_CONFLICT"],
  ])("%j is refused", async (settings, code) => {
    await expect(trainUnigram(texts, settings)).rejects.toMatchObject({ code });
  });
});
