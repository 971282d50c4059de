/** What an expression is made of, once read. */

/** A set of characters that matches one of them. */
export interface CharacterTest {
  has(point: number): boolean;
}

export type Node =
  | { readonly kind: "set"; readonly set: CharacterTest }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "alternatives"; readonly items: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly item: Node;
      readonly min: number;
      /** Infinity where there is no bound. */
      readonly max: number;
      readonly mode: "greedy" | "lazy" | "possessive";
    }
  | { readonly kind: "look"; readonly item: Node; readonly behind: boolean; readonly negative: boolean }
  | { readonly kind: "atomic"; readonly item: Node }
  | { readonly kind: "assertion"; readonly name: AssertionName };

export type AssertionName =
  | "lineStart"
  | "lineEnd"
  | "textStart"
  | "textEnd"
  | "lastLineEnd"
  | "wordBoundary"
  | "noWordBoundary";

/** Whether the node can match without consuming a character. */
export function isNullable(node: Node): boolean {
  switch (node.kind) {
    case "set":
      return false;
    case "sequence":
      return node.items.every(isNullable);
    case "alternatives":
      return node.items.some(isNullable);
    case "repeat":
      return node.min === 0 || isNullable(node.item);
    case "atomic":
      return isNullable(node.item);
    case "look":
    case "assertion":
      return true;
  }
}

/** The number of characters that the node always consumes; undefined if that varies. */
export function fixedLength(node: Node): number | undefined {
  switch (node.kind) {
    case "set":
      return 1;
    case "sequence": {
      let total = 0;
      for (const item of node.items) {
        const length = fixedLength(item);
        if (length === undefined) return undefined;
        total += length;
      }
      return total;
    }
    case "alternatives": {
      const lengths = new Set(node.items.map(fixedLength));
      return lengths.size === 1 ? [...lengths][0] : undefined;
    }
    case "repeat": {
      const length = fixedLength(node.item);
      return node.min === node.max && length !== undefined ? length * node.min : undefined;
    }
    case "atomic":
      return fixedLength(node.item);
    case "look":
    case "assertion":
      return 0;
  }
}
