/** Pieces as sequences of character numbers; finds those that start at a place. */
export class PieceTrie {
  /** Hash table of `node * characters + character`, open addressing. */
  readonly #keys: Float64Array;
  readonly #nodes: Int32Array;
  readonly #mask: number;
  readonly #characterCount: number;
  /** Piece that ends at each node, -1 for none. */
  readonly #pieces: Int32Array;
  #size = 1;

  constructor(pieces: readonly Int32Array[], characterCount: number) {
    const nodes = pieces.reduce((sum, piece) => sum + piece.length, 1);
    const capacity = 2 ** Math.ceil(Math.log2(2 * nodes + 1));
    this.#keys = new Float64Array(capacity).fill(-1);
    this.#nodes = new Int32Array(capacity);
    this.#mask = capacity - 1;
    this.#characterCount = characterCount;
    this.#pieces = new Int32Array(nodes).fill(-1);
    for (const [id, piece] of pieces.entries()) {
      let node = 0;
      for (const character of piece) node = this.#insert(node, character);
      this.#pieces[node] = id;
    }
  }

  /** The node behind `character`; -1 for none. The first node is 0. */
  next(node: number, character: number): number {
    const key = node * this.#characterCount + character;
    for (let slot = this.#slot(key); ; slot = (slot + 1) & this.#mask) {
      if (this.#keys[slot] === key) return this.#nodes[slot]!;
      if (this.#keys[slot] === -1) return -1;
    }
  }

  /** The piece that ends at a node; -1 for none. */
  pieceAt(node: number): number {
    return this.#pieces[node]!;
  }

  #insert(node: number, character: number): number {
    const key = node * this.#characterCount + character;
    let slot = this.#slot(key);
    while (this.#keys[slot] !== -1 && this.#keys[slot] !== key) slot = (slot + 1) & this.#mask;
    if (this.#keys[slot] === key) return this.#nodes[slot]!;
    this.#keys[slot] = key;
    this.#nodes[slot] = this.#size;
    return this.#size++;
  }

  #slot(key: number): number {
    const low = key % 4294967296;
    const high = (key - low) / 4294967296;
    const mixed = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }
}
