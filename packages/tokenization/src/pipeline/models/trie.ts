import { PairTable } from "../../pair-table.ts";
import { unsupported } from "../../tokenizer-json.ts";

const MAX_TOKEN_LENGTH = 1024; // UTF-16 units: what a search takes at most per character of text

/** Strings and their values, found by walking from unit to unit. */
export class Trie {
  readonly #edges: PairTable; // node and unit: the index of the edge is that of the node it leads to, less one
  readonly #values: number[] = [-1];

  constructor(expectedSize: number) {
    this.#edges = new PairTable(expectedSize);
  }

  /** A string that is added twice keeps its last value. @throws {TokenizerError} `TOKENIZER_UNSUPPORTED` */
  add(text: string, value: number): void {
    if (text.length > MAX_TOKEN_LENGTH) {
      throw unsupported("model.vocab", `tokens of at most ${MAX_TOKEN_LENGTH} characters`, text);
    }
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      node = this.#edges.add(node, text.charCodeAt(i)) + 1;
      if (node === this.#values.length) this.#values.push(-1);
    }
    this.#values[node] = value;
  }

  /** @returns the node after `unit`, or -1; 0 is the root */
  next(node: number, unit: number): number {
    const edge = this.#edges.indexOf(node, unit);
    return edge < 0 ? -1 : edge + 1;
  }

  /** @returns the value of the string that leads to the node, or -1 */
  value(node: number): number {
    return this.#values[node]!;
  }
}
