import { compareBytes, type WordCursor } from "./word-cursor.ts";
import { addCounts } from "./word-table.ts";

/** The words of several cursors in order, with the sum of their counts. Closes them. */
export function mergeCursors(sources: readonly WordCursor[]): WordCursor {
  return new MergeCursor(sources);
}

class MergeCursor implements WordCursor {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  count = 0;
  readonly #sources: readonly WordCursor[];
  /** A binary heap: the source with the smallest word is on top. */
  #heap: WordCursor[] = [];
  /** Sources that stand at the current word, and go on when it is no longer needed. */
  #current: WordCursor[];

  constructor(sources: readonly WordCursor[]) {
    this.#sources = sources;
    this.#current = [...sources];
  }

  next(): boolean {
    for (const source of this.#current) if (source.next()) this.#push(source);
    const first = this.#pop();
    if (first === undefined) return false;
    this.#current = [first];
    this.bytes = first.bytes;
    this.start = first.start;
    this.end = first.end;
    this.count = first.count;
    for (let top = this.#heap[0]; top !== undefined && compare(top, first) === 0; top = this.#heap[0]) {
      this.count = addCounts(this.count, top.count, this.bytes, this.start, this.end);
      this.#current.push(this.#pop()!);
    }
    return true;
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }

  #push(source: WordCursor): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compare(source, heap[parent]!) >= 0) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = source;
  }

  #pop(): WordCursor | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && compare(heap[child + 1]!, heap[child]!) < 0) child++;
      if (compare(heap[child]!, last) >= 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function compare(a: WordCursor, b: WordCursor): number {
  return compareBytes(a.bytes, a.start, a.end, b.bytes, b.start, b.end);
}

/** Leaves out words that occur less often than `minimum`, and tells what it left out. */
export function pruneCursor(source: WordCursor, minimum: number, onPruned: (count: number) => void): WordCursor {
  return {
    get bytes() {
      return source.bytes;
    },
    start: 0,
    end: 0,
    count: 0,
    next() {
      while (source.next()) {
        if (source.count < minimum) {
          onPruned(source.count);
          continue;
        }
        this.start = source.start;
        this.end = source.end;
        this.count = source.count;
        return true;
      }
      return false;
    },
    close: () => source.close(),
  };
}
