import type { CharacterWords } from "./character-words.ts";
import type { Pieces, UnigramModel } from "./unigram-model.ts";

/**
 * Keeps the pieces whose loss would cost most likelihood, at most `size` of them, and every piece that nothing can stand for (Kudo 2018,
 * section 3.2, with the approximations of SentencePiece: a piece that goes is replaced by the best way through its own characters).
 *
 * @returns numbers of the pieces to keep, in their order
 */
export function prunePieces(pieces: Pieces, model: UnigramModel, words: CharacterWords, size: number): number[] {
  const count = pieces.characters.length;
  const { used, wordsWith, allWords } = countBestWays(model, words, count);
  const sum = used.reduce((total, one) => total + one, 0);
  const logSum = Math.log(sum);
  const kept: number[] = [];
  const candidates: { piece: number; loss: number }[] = [];
  for (let piece = 0; piece < count; piece++) {
    const characters = pieces.characters[piece]!;
    const alternative: number[] = [];
    const score = model.bestOf(characters, 0, characters.length, piece, (part) => alternative.push(part));
    if (score === undefined) {
      kept.push(piece);
      continue;
    }
    // Its own characters say it better, or nobody says it.
    if (score > model.score(piece) || used[piece] === 0) continue;
    const logSumWithout = Math.log(sum + used[piece]! * (alternative.length - 1));
    const without = alternative.reduce(
      (total, part) => total + Math.log(used[part]! + used[piece]!) - logSumWithout,
      0,
    );
    const loss = (wordsWith[piece]! / allWords) * (Math.log(used[piece]!) - logSum - without);
    candidates.push({ piece, loss });
  }
  candidates.sort((a, b) => b.loss - a.loss || a.piece - b.piece);
  for (const { piece } of candidates.slice(0, Math.max(0, size - kept.length))) kept.push(piece);
  return kept.sort((a, b) => a - b);
}

/** Of the best way through each word: how often a piece is on it, and in how many words of the corpus. */
function countBestWays(
  model: UnigramModel,
  { characters, starts, counts }: CharacterWords,
  pieceCount: number,
): { used: Float64Array; wordsWith: Float64Array; allWords: number } {
  const used = new Float64Array(pieceCount);
  const wordsWith = new Float64Array(pieceCount);
  const seenIn = new Int32Array(pieceCount).fill(-1);
  let allWords = 0;
  for (let word = 0; word < counts.length; word++) {
    const count = counts[word]!;
    allWords += count;
    model.best(characters, starts[word]!, starts[word + 1]!, (piece) => {
      used[piece]! += count;
      if (seenIn[piece] === word) return;
      seenIn[piece] = word;
      wordsWith[piece]! += count;
    });
  }
  return { used, wordsWith, allWords };
}
