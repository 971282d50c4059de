/**
 * The unigram language model of Kudo 2018 as SentencePiece trains it: seeds from the suffixes of the words, expectation maximization with a
 * Bayesian step, and pruning until the vocabulary has its size.
 */
import { type CharacterWords, characterWords } from "./character-words.ts";
import { digamma } from "./digamma.ts";
import { prunePieces } from "./prune-pieces.ts";
import { seedPieces } from "./seed-pieces.ts";
import { type Pieces, UnigramModel } from "./unigram-model.ts";

export interface UnigramSettings {
  /** Pieces of the result, single characters among them. */
  readonly pieceCount: number;
  /** Characters of a piece. Default 16. */
  readonly maxPieceLength?: number;
  /** Seeds to begin with. Default 1,000,000. */
  readonly seedCount?: number;
  /** Share of the pieces that a pruning keeps. Default 0.75. */
  readonly shrinkingFactor?: number;
  /** Default 0.9995. */
  readonly characterCoverage?: number;
}

export interface UnigramPiece {
  readonly piece: string;
  /** Natural logarithm of its probability. */
  readonly score: number;
}

/** Rounds of expectation maximization between two prunings. */
const ROUNDS = 2;
/** A piece that is expected less often than this goes. */
const LEAST_EXPECTED = 0.5;
/** Pruning ends with so many times the pieces that are wanted; the best of them are the result. */
const SURPLUS = 1.1;
/**
 * Expected counts are summed in units of 2^-24: sums of whole numbers do not depend on their order, and the native trainer, which sums with
 * several threads, comes to the same.
 */
const UNIT = 2 ** 24;

/**
 * Yields how many pieces are left after each round.
 * @returns the pieces, the most probable first; fewer than `pieceCount` if the corpus has no more to give
 */
export function* trainUnigramPieces(
  words: Iterable<readonly [word: string, count: number]>,
  settings: UnigramSettings,
): Generator<number, UnigramPiece[], undefined> {
  const { pieceCount, maxPieceLength = 16, seedCount = 1_000_000, shrinkingFactor = 0.75 } = settings;
  const corpus = characterWords(words, settings.characterCoverage ?? 0.9995);
  const singles = corpus.codePoints.length;
  let pieces = firstPieces(corpus, maxPieceLength, seedCount);
  const wanted = Math.max(singles, Math.floor(pieceCount * SURPLUS));
  for (;;) {
    for (let round = 0; round < ROUNDS; round++) {
      pieces = maximize(pieces, expectedCounts(pieces, corpus), singles);
      yield pieces.characters.length;
    }
    const count = pieces.characters.length;
    if (count <= wanted) break;
    const size = Math.max(wanted, Math.floor(shrinkingFactor * count));
    const kept = prunePieces(pieces, new UnigramModel(pieces, singles), corpus, size);
    if (kept.length === count) break;
    pieces = select(pieces, kept);
  }
  return finish(pieces, corpus, pieceCount);
}

/** The single characters in the order of code points, then the seeds, with probabilities in proportion to count times length. */
function firstPieces(corpus: CharacterWords, maxPieceLength: number, seedCount: number): Pieces {
  const seeds = seedPieces(corpus, maxPieceLength, seedCount);
  const characters = Array.from(corpus.codePoints, (_, number) => Int32Array.of(number));
  const weights = Array.from(corpus.characterCounts);
  for (const { start, length, count } of seeds) {
    characters.push(corpus.characters.slice(start, start + length));
    weights.push(count * length);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { characters, probabilities: Float64Array.from(weights, (weight) => weight / total) };
}

/** How often each piece is on the ways through the corpus, in units. */
function expectedCounts(pieces: Pieces, { characters, starts, counts, codePoints }: CharacterWords): Float64Array {
  const model = new UnigramModel(pieces, codePoints.length);
  const expected = new Float64Array(pieces.characters.length);
  for (let word = 0; word < counts.length; word++) {
    const weight = counts[word]! * UNIT;
    model.expected(characters, starts[word]!, starts[word + 1]!, (piece, share) => {
      expected[piece]! += Math.floor(weight * share);
    });
  }
  return expected;
}

/** Drops what is hardly expected, single characters excepted; the rest gets the probabilities of a Dirichlet prior (digamma), which favours few pieces. */
function maximize(pieces: Pieces, expected: Float64Array, singles: number): Pieces {
  const kept: number[] = [];
  expected.forEach((count, piece) => {
    if (piece < singles || count >= LEAST_EXPECTED * UNIT) kept.push(piece);
  });
  const counts = kept.map((piece) => Math.max(expected[piece]! / UNIT, LEAST_EXPECTED));
  const logTotal = digamma(counts.reduce((sum, count) => sum + count, 0));
  const { characters } = select(pieces, kept);
  return { characters, probabilities: Float64Array.from(counts, (count) => Math.exp(digamma(count) - logTotal)) };
}

function select({ characters, probabilities }: Pieces, kept: readonly number[]): Pieces {
  return {
    characters: kept.map((piece) => characters[piece]!),
    probabilities: Float64Array.from(kept, (piece) => probabilities[piece]!),
  };
}

/** Every single character, and the most probable of the others. */
function finish(
  { characters, probabilities }: Pieces,
  { codePoints }: CharacterWords,
  pieceCount: number,
): UnigramPiece[] {
  const byProbability = (a: number, b: number): number => probabilities[b]! - probabilities[a]! || a - b;
  const longer = Array.from(characters.keys()).slice(codePoints.length).sort(byProbability);
  const chosen = [...characters.keys()]
    .slice(0, codePoints.length)
    .concat(longer.slice(0, Math.max(0, pieceCount - codePoints.length)))
    .sort(byProbability);
  return chosen.map((piece) => ({
    piece: String.fromCodePoint(...Array.from(characters[piece]!, (number) => codePoints[number]!)),
    score: Math.log(probabilities[piece]!),
  }));
}
