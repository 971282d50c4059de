/**
 * `Unigram` (Kudo 2018): of all ways to write a piece as tokens, that with the largest sum of scores (Viterbi), as
 * `encode_optimized` of SentencePiece finds it. A character without a token costs ten more than the rarest token.
 */
import { TokenizerError } from "../../errors.ts";
import { asArray, asFlag, asString, invalid, type JsonObject } from "../../json-reader.ts";
import { utf8Length } from "../../utf8.ts";
import { unitsOf } from "../characters.ts";
import { byteTokens } from "./bpe.ts";
import { asRustReads } from "./json-number.ts";
import type { Chance, Model, ModelToken } from "./model.ts";
import { Trie } from "./trie.ts";
import { bestPaths, draw, type LatticeEdge, logSumExp, samplePath } from "./unigram-lattice.ts";

const WHERE = "tokenizer.json: model";
const UNK_PENALTY = 10;
const MAX_RANKED = 2 ** 22; // paths that are kept at a time

export interface UnigramVocab {
  readonly tokens: readonly string[];
  readonly scores: Float64Array;
  readonly unkId: number | undefined;
  readonly byteFallback: boolean;
}

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID` */
export function readUnigramVocab(model: JsonObject): UnigramVocab {
  const entries = asArray(model.vocab, `${WHERE}.vocab`);
  const scores = new Float64Array(entries.length);
  const tokens = entries.map((value, id) => {
    const where = `${WHERE}.vocab[${id}]`;
    const [token, score] = asArray(value, where);
    if (typeof score !== "number" || !Number.isFinite(score)) invalid(`${where}[1]`, "a finite score", score);
    scores[id] = asRustReads(score);
    return asString(token, `${where}[0]`);
  });
  const unkId = model.unk_id ?? undefined;
  if (unkId !== undefined && (typeof unkId !== "number" || !Number.isInteger(unkId) || tokens[unkId] === undefined)) {
    return invalid(`${WHERE}.unk_id`, "an id of model.vocab", unkId);
  }
  return { tokens, scores, unkId, byteFallback: asFlag(model.byte_fallback, `${WHERE}.byte_fallback`) };
}

/** Of a character without a token. */
export function unknownScore(scores: Float64Array): number {
  return scores.reduce((lowest, score) => Math.min(lowest, score), Number.POSITIVE_INFINITY) - UNK_PENALTY;
}

export class Unigram implements Model {
  readonly isDeterministic = true;
  readonly #vocab: UnigramVocab;
  readonly #ids = new Map<string, number>();
  readonly #trie: Trie;
  readonly #unkScore: number;

  /** @param blocked - ids that no text may make */
  constructor(vocab: UnigramVocab, blocked: ReadonlySet<number>) {
    this.#vocab = vocab;
    this.#trie = new Trie(vocab.tokens.length * 4);
    vocab.tokens.forEach((token, id) => {
      if (blocked.has(id)) return;
      this.#ids.set(token, id);
      if (token !== "") this.#trie.add(token, id);
    });
    this.#unkScore = unknownScore(vocab.scores);
  }

  tokenize(piece: string, chance?: Chance): readonly ModelToken[] {
    const tokens: ModelToken[] = [];
    let at = 0;
    for (const text of chance?.sampling === undefined ? this.#bestPath(piece) : this.#drawnPath(piece, chance)) {
      const start = at;
      at += utf8Length(text);
      const known = this.#ids.get(text);
      if (known !== undefined) {
        tokens.push({ id: known, token: text, start, end: at });
        continue;
      }
      const bytes = this.#vocab.byteFallback ? this.#byteIds(text) : undefined;
      if (bytes !== undefined) for (const one of bytes) tokens.push({ ...one, start, end: at });
      else tokens.push({ id: this.#unkId(text), token: text, start, end: at });
    }
    return tokens;
  }

  /** The texts of the tokens; neighbours that are unknown are one. */
  #bestPath(piece: string): string[] {
    const size = piece.length;
    const { unkId } = this.#vocab;
    const best = new Float64Array(size + 1);
    const from = new Int32Array(size + 1).fill(-1);
    const ids = new Int32Array(size + 1);
    this.#forEachToken(piece, (start, end, id, score) => {
      const total = score + best[start]!;
      if (from[end] !== -1 && total <= best[end]!) return;
      best[end] = total;
      from[end] = start;
      ids[end] = id;
    });
    const texts: string[] = [];
    for (let end = size; end > 0; ) {
      let start = from[end]!;
      if (ids[end] === unkId) while (start > 0 && ids[start] === unkId) start = from[start]!;
      texts.push(piece.slice(start, end));
      end = start;
    }
    return texts.reverse();
  }

  /** The same of a path that is drawn. */
  #drawnPath(piece: string, { random, sampling }: Chance): string[] {
    const { alpha, nBest } = sampling!;
    if (nBest !== undefined && piece.length * nBest > MAX_RANKED) {
      throw new TokenizerError(
        "TOKENIZER_TEXT_TOO_LONG",
        `sampling.nBest: expected at most ${Math.floor(MAX_RANKED / piece.length)} for a piece of ${piece.length} characters, got ${nBest}`,
        { help: "Leave nBest out: drawing from all segmentations takes little memory." },
      );
    }
    const edges: LatticeEdge[] = [];
    this.#forEachToken(piece, (start, end, id, score) => edges.push({ start, end, id, score }));
    let path: readonly LatticeEdge[];
    if (nBest === undefined) path = samplePath(edges, piece.length, { alpha, random });
    else {
      const paths = bestPaths(edges, piece.length, nBest);
      const weights = paths.map(({ score }) => alpha * score);
      const total = logSumExp(weights);
      path =
        paths[
          draw(
            weights.map((weight) => weight - total),
            random,
          )
        ]!.edges;
    }
    const texts: string[] = [];
    path.forEach(({ start, end, id }, index) => {
      const text = piece.slice(start, end);
      const follows = id === this.#vocab.unkId && path[index - 1]?.id === id;
      if (follows) texts.push(texts.pop() + text);
      else texts.push(text);
    });
    return texts;
  }

  /** Every token that the piece has at each of its positions, from left to right, and the unk token where no single character is one. */
  #forEachToken(piece: string, visit: (start: number, end: number, id: number, score: number) => void): void {
    const size = piece.length;
    const { scores } = this.#vocab;
    for (let start = 0; start < size; ) {
      const units = unitsOf(piece.codePointAt(start)!);
      let single = false;
      for (let node = 0, end = start; end < size; ) {
        node = this.#trie.next(node, piece.charCodeAt(end++));
        if (node < 0) break;
        const id = this.#trie.value(node);
        if (id < 0) continue;
        visit(start, end, id, scores[id]!);
        if (end - start === units) single = true;
      }
      if (!single) visit(start, start + units, this.#unkId(piece.slice(start, start + units)), this.#unkScore);
      start += units;
    }
  }

  #byteIds(text: string): { id: number; token: string }[] | undefined {
    const found: { id: number; token: string }[] = [];
    for (const token of byteTokens(text)) {
      const id = this.#ids.get(token);
      if (id === undefined) return undefined;
      found.push({ id, token });
    }
    return found;
  }

  #unkId(text: string): number {
    if (this.#vocab.unkId !== undefined) return this.#vocab.unkId;
    throw new TokenizerError(
      "TOKENIZER_UNKNOWN_CHARACTER",
      `text: expected characters of the vocabulary, got ${JSON.stringify(text.slice(0, 80))}; the model has no unk_id`,
    );
  }
}
