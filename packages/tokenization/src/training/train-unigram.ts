import { availableParallelism } from "node:os";
import { nativeLibrary } from "../native/binding.ts";
import type { UnigramBinding } from "../native/unigram-binding.ts";
import { type SpecialTokenOptions, specialTokenList } from "../special-tokens.ts";
import { pause } from "./corpus.ts";
import { BYTE_TOKENS } from "./train-character-bpe.ts";
import { type TrainedFiles, trainedFiles } from "./trained-files.ts";
import { refuseOption, refuseTaken, requireInteger, requireShare, requireVocabSize } from "./training-options.ts";
import { type TrainingContext, type TrainingSource, withWordCounts } from "./training-source.ts";
import { trainUnigramPieces, type UnigramPiece } from "./unigram/unigram-trainer.ts";
import type { WordCounts } from "./word-counts.ts";
import { PRE_TOKENIZER_JSON } from "./word-splitter.ts";

export interface TrainUnigramOptions extends TrainingContext {
  /** Special tokens, 256 bytes with `byteFallback`, pieces. */
  readonly vocabSize: number;
  /** Share of the corpus's characters that get tokens of their own; the rarest are left out. Default 0.9995. */
  readonly characterCoverage?: number;
  /** Characters outside the vocabulary become tokens of their bytes (`<0xE2>`), so that every text comes back. Default true. */
  readonly byteFallback?: boolean;
  /** Characters of a piece at most. Default 16. */
  readonly maxPieceLength?: number;
  /** Substrings of the corpus that training begins with. Default 1,000,000. */
  readonly seedCount?: number;
  /** Share of the pieces that each pruning keeps. Default 0.75. */
  readonly shrinkingFactor?: number;
  /** Default: `<unk>`, `<s>`, `</s>`. */
  readonly specialTokens?: SpecialTokenOptions & { unk: string };
  /** Threads of the native trainer. The result does not depend on them. Default: one per processor. */
  readonly threads?: number;
}

const DEFAULT_SPECIAL_TOKENS = { unk: "<unk>", bos: "<s>", eos: "</s>" };
/** How much less probable than the rarest piece the token of a byte is: text that reads like one is not taken for it. */
const BYTE_PENALTY = 10;

/**
 * Trains a unigram language model (Kudo 2018), as the tokenizers of T5 and XLM-R are: spaces become U+2581, which begins a word, and no
 * piece reaches over one. Unlike SentencePiece pieces may hold characters of several scripts, and counts weigh the seeds.
 *
 * @throws {TokenizerError} as `trainByteLevelBpe`
 * @see https://arxiv.org/abs/1804.10959
 */
export async function trainUnigram(source: TrainingSource, options: TrainUnigramOptions): Promise<TrainedFiles> {
  const { vocabSize, characterCoverage = 0.9995, byteFallback = true } = options;
  const { maxPieceLength = 16, seedCount = 1_000_000, shrinkingFactor = 0.75 } = options;
  const { specialTokens = DEFAULT_SPECIAL_TOKENS } = options;
  const special = specialTokenList(specialTokens);
  requireShare("characterCoverage", characterCoverage);
  requireInteger("maxPieceLength", maxPieceLength, 1);
  if (maxPieceLength > 255) refuseOption("maxPieceLength", "at most 255", maxPieceLength);
  requireInteger("seedCount", seedCount, 1);
  requireShare("shrinkingFactor", shrinkingFactor);
  if (shrinkingFactor === 1) refuseOption("shrinkingFactor", "a number below 1", shrinkingFactor);
  const fixed = [...special, ...(byteFallback ? BYTE_TOKENS : [])];
  if (byteFallback) refuseTaken(special, (token) => BYTE_TOKENS.includes(token));
  requireVocabSize(vocabSize, fixed.length + 1, `${fixed.length} special tokens and bytes, and a piece`);

  return withWordCounts(source, "metaspace", options, async (counts) => {
    const settings = {
      pieceCount: vocabSize - fixed.length,
      maxPieceLength,
      seedCount,
      shrinkingFactor,
      characterCoverage,
    };
    const pieces = await learnPieces(counts, settings, options);
    refuseTaken(special, (token) => pieces.some(({ piece }) => piece === token));
    // The trainer keeps every covered character, also where they are more than was asked for.
    requireVocabSize(
      vocabSize,
      fixed.length + pieces.length,
      `${special.length} special tokens, ${fixed.length - special.length} bytes, ${pieces.length} characters`,
    );
    const lowest = pieces.at(-1)?.score ?? 0;
    const vocab: [string, number][] = [
      ...special.map((token): [string, number] => [token, 0]),
      ...fixed.slice(special.length).map((token): [string, number] => [token, lowest - BYTE_PENALTY]),
      ...pieces
        .filter(({ piece }) => !(byteFallback && BYTE_TOKENS.includes(piece)))
        .map(({ piece, score }): [string, number] => [piece, score]),
    ];
    const metaspace = PRE_TOKENIZER_JSON.metaspace;
    return trainedFiles({
      trainer: "unigram",
      settings: {
        vocab_size: vocabSize,
        min_frequency: null,
        character_coverage: characterCoverage,
        byte_fallback: byteFallback,
        max_piece_length: maxPieceLength,
        seed_count: seedCount,
        shrinking_factor: shrinkingFactor,
      },
      specialTokens,
      special,
      size: vocab.length,
      merges: 0,
      counts,
      context: options,
      stages: {
        pre_tokenizer: metaspace,
        decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, metaspace] },
        model: { type: "Unigram", unk_id: special.indexOf(specialTokens.unk), vocab, byte_fallback: byteFallback },
      },
    });
  });
}

interface PieceSettings {
  readonly pieceCount: number;
  readonly maxPieceLength: number;
  readonly seedCount: number;
  readonly shrinkingFactor: number;
  readonly characterCoverage: number;
}

/** By the native trainer where there is one; both give the same pieces. */
async function learnPieces(
  counts: WordCounts,
  settings: PieceSettings,
  { threads = availableParallelism(), signal, onProgress, vocabSize }: TrainUnigramOptions,
): Promise<UnigramPiece[]> {
  requireInteger("threads", threads, 1);
  const { binding } = nativeLibrary();
  if (binding !== undefined) return learnNatively(binding, counts, { ...settings, threads });
  const rounds = trainUnigramPieces(counts.entries(), settings);
  for (;;) {
    const round = rounds.next();
    if (round.done === true) return round.value;
    onProgress?.({ phase: "prune", pieces: round.value, vocabSize });
    await pause(signal);
  }
}

async function learnNatively(
  binding: UnigramBinding,
  counts: WordCounts,
  settings: PieceSettings & { readonly threads: number },
): Promise<UnigramPiece[]> {
  const chunks: Uint8Array[] = [];
  const ends: number[] = [];
  const numbers: number[] = [];
  let size = 0;
  const words = counts.cursor();
  try {
    while (words.next()) {
      const word = words.bytes.slice(words.start, words.end);
      chunks.push(word);
      size += word.length;
      ends.push(size);
      numbers.push(words.count);
    }
  } finally {
    words.close();
  }
  const { pieces, scores } = await binding.trainUnigram(
    Buffer.concat(chunks, size),
    Uint32Array.from(ends),
    Float64Array.from(numbers),
    settings,
  );
  return pieces.map((piece, i) => ({ piece, score: scores[i]! }));
}
