import { UNCOVERED } from "./character-words.ts";
import { PieceTrie } from "./piece-trie.ts";

/** Pieces with probabilities. The first ones are the single characters, so that every covered text has a way through. */
export interface Pieces {
  readonly characters: readonly Int32Array[];
  readonly probabilities: Float64Array;
}

/** The unigram language model over pieces: what the trainer asks of it. */
export class UnigramModel {
  readonly probabilities: Float64Array;
  readonly #scores: Float64Array;
  readonly #trie: PieceTrie;
  readonly #pieceLengths: Int32Array;
  /** Used again for each run: words are many and short. */
  #room = new Room(64, 1024);

  constructor({ characters, probabilities }: Pieces, characterCount: number) {
    this.probabilities = probabilities;
    this.#scores = probabilities.map(Math.log);
    this.#trie = new PieceTrie(characters, characterCount);
    this.#pieceLengths = Int32Array.from(characters, (piece) => piece.length);
  }

  score(piece: number): number {
    return this.#scores[piece]!;
  }

  /**
   * Calls `visit` with each piece of each way through the characters and the share of the ways, by their probability, that takes it
   * (forward-backward). Characters without a token cut the text.
   */
  expected(text: Int32Array, start: number, end: number, visit: (piece: number, share: number) => void): void {
    for (let from = start; from < end; ) {
      if (text[from] === UNCOVERED) {
        from++;
        continue;
      }
      let to = from;
      while (to < end && text[to] !== UNCOVERED) to++;
      this.#expectedRun(text, from, to, visit);
      from = to;
    }
  }

  #expectedRun(text: Int32Array, start: number, end: number, visit: (piece: number, share: number) => void): void {
    const length = end - start;
    const arcCount = this.#findArcs(text, start, end);
    const { forward, forwardScale, backward, backwardScale, from, to, pieces } = this.#room;
    // Probabilities, not their logarithms: long runs are kept in range by powers of two, whose number each place remembers.
    forward.fill(0, 0, length + 1);
    backward.fill(0, 0, length + 1);
    forwardScale.fill(0, 0, length + 1);
    backwardScale.fill(0, 0, length + 1);
    forward[0] = 1;
    for (let at = 0, arc = 0; at < length; at++) {
      if (forward[at]! < SMALL) {
        forward[at]! *= LARGE;
        forwardScale[at]! += 1;
      }
      for (; arc < arcCount && from[arc] === at; arc++) {
        const value = forward[at]! * this.probabilities[pieces[arc]!]!;
        addScaled(forward, forwardScale, to[arc]!, value, forwardScale[at]!);
      }
    }
    backward[length] = 1;
    for (let at = length - 1, arc = arcCount - 1; at >= 0; at--) {
      for (; arc >= 0 && from[arc] === at; arc--) {
        const value = backward[to[arc]!]! * this.probabilities[pieces[arc]!]!;
        addScaled(backward, backwardScale, at, value, backwardScale[to[arc]!]!);
      }
      if (backward[at]! < SMALL) {
        backward[at]! *= LARGE;
        backwardScale[at]! += 1;
      }
    }
    for (let arc = 0; arc < arcCount; arc++) {
      const [a, b, piece] = [from[arc]!, to[arc]!, pieces[arc]!];
      const scale = forwardScale[a]! + backwardScale[b]! - forwardScale[length]!;
      const share = forward[a]! * this.probabilities[piece]! * (backward[b]! / forward[length]!);
      visit(piece, scale === 0 ? share : share * SMALL ** scale);
    }
  }

  /** Calls `visit` with the pieces of the best way, from the last to the first. */
  best(text: Int32Array, start: number, end: number, visit: (piece: number) => void): void {
    for (let from = start; from < end; ) {
      if (text[from] === UNCOVERED) {
        from++;
        continue;
      }
      let to = from;
      while (to < end && text[to] !== UNCOVERED) to++;
      this.bestOf(text, from, to, -1, visit);
      from = to;
    }
  }

  /** The best way that does not take `excluded`, and its score. Undefined, and no visit, if there is none. */
  bestOf(
    text: Int32Array,
    start: number,
    end: number,
    excluded: number,
    visit: (piece: number) => void,
  ): number | undefined {
    const length = end - start;
    const scores = new Float64Array(length + 1).fill(Number.NEGATIVE_INFINITY);
    const last = new Int32Array(length + 1).fill(-1);
    scores[0] = 0;
    for (let at = 0; at < length; at++) {
      if (scores[at] === Number.NEGATIVE_INFINITY) continue;
      for (let node = 0, to = at; to < length; ) {
        node = this.#trie.next(node, text[start + to]!);
        if (node < 0) break;
        to++;
        const piece = this.#trie.pieceAt(node);
        if (piece < 0 || piece === excluded) continue;
        const score = scores[at]! + this.#scores[piece]!;
        if (score > scores[to]!) [scores[to], last[to]] = [score, piece];
      }
    }
    if (scores[length] === Number.NEGATIVE_INFINITY) return undefined;
    for (let at = length; at > 0; at -= this.#pieceLengths[last[at]!]!) visit(last[at]!);
    return scores[length]!;
  }

  /** Puts the pieces that are found in the room, in the order of their starts. @returns how many */
  #findArcs(text: Int32Array, start: number, end: number): number {
    const length = end - start;
    if (this.#room.forward.length <= length) this.#room = new Room(2 * length, this.#room.from.length);
    let count = 0;
    for (let at = 0; at < length; at++) {
      for (let node = 0, to = at; to < length; ) {
        node = this.#trie.next(node, text[start + to]!);
        if (node < 0) break;
        to++;
        const piece = this.#trie.pieceAt(node);
        if (piece < 0) continue;
        if (count === this.#room.from.length) this.#room.growArcs();
        const { from, to: ends, pieces } = this.#room;
        [from[count], ends[count], pieces[count]] = [at, to, piece];
        count++;
      }
    }
    return count;
  }
}

/** Places of a run, and the pieces between them. */
class Room {
  readonly forward: Float64Array;
  readonly backward: Float64Array;
  readonly forwardScale: Int32Array;
  readonly backwardScale: Int32Array;
  from: Int32Array;
  to: Int32Array;
  pieces: Int32Array;

  constructor(places: number, arcs: number) {
    this.forward = new Float64Array(places);
    this.backward = new Float64Array(places);
    this.forwardScale = new Int32Array(places);
    this.backwardScale = new Int32Array(places);
    this.from = new Int32Array(arcs);
    this.to = new Int32Array(arcs);
    this.pieces = new Int32Array(arcs);
  }

  growArcs(): void {
    const grow = (values: Int32Array): Int32Array => {
      const grown = new Int32Array(2 * values.length);
      grown.set(values);
      return grown;
    };
    [this.from, this.to, this.pieces] = [grow(this.from), grow(this.to), grow(this.pieces)];
  }
}

const LARGE = 2 ** 256;
const SMALL = 2 ** -256;

/** Adds a value with its scale to a place that may have another. */
function addScaled(values: Float64Array, scales: Int32Array, at: number, value: number, scale: number): void {
  if (values[at] === 0) [values[at], scales[at]] = [value, scale];
  else if (scale === scales[at]) values[at]! += value;
  else if (scale > scales[at]!) values[at]! += value * SMALL ** (scale - scales[at]!);
  else [values[at], scales[at]] = [value + values[at]! * SMALL ** (scales[at]! - scale), scale];
}
