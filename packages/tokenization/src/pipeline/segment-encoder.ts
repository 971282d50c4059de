/** Encodes a text segment by segment, and remembers the ids of short segments: most words of a text were there before. */
import type { IdBuffer } from "../id-buffer.ts";
import { Utf16Buffer } from "../utf16.ts";
import { CACHED_LENGTH, WordCache } from "../word-cache.ts";
import { lazy } from "./characters.ts";
import type { Continuation } from "./continuation.ts";

/** Appends the ids of a segment. @param originalStart - of one that begins a text; undefined if one is before it */
export type EncodeSegment = (segment: string, originalStart: number | undefined, out: IdBuffer) => void;

export class SegmentEncoder {
  readonly #encodeSegment: EncodeSegment;
  readonly #cuts: Uint8Array;
  readonly #first = new WordCache();
  readonly #following = new WordCache();
  readonly #buffer = new Utf16Buffer();

  constructor(cuts: Pick<Continuation, "isolatesSigns" | "isolatesIdeographs">, encodeSegment: EncodeSegment) {
    this.#encodeSegment = encodeSegment;
    this.#cuts = cutTable(cuts);
  }

  /** Appends the ids of a text. @param originalStart - 0, unless it makes a difference that it is not */
  encode(text: string, originalStart: number, out: IdBuffer): void {
    const units = this.#buffer.read(text);
    const kinds = unitKinds();
    const cuts = this.#cuts;
    const { length } = text;
    for (let start = 0; start < length; ) {
      let end = start + 1;
      let kind = kinds[units[start]!]!;
      for (; end < length; end++) {
        const next = kinds[units[end]!]!;
        if (cuts[kind * KINDS + next] === 1) break;
        kind = next;
      }
      const cache = start === 0 ? this.#first : this.#following;
      const first = start === 0 ? originalStart : undefined;
      if (end - start > CACHED_LENGTH || (start === 0 && originalStart !== 0)) {
        this.#encodeSegment(text.slice(start, end), first, out);
      } else if (!cache.append(units, start, end, out)) {
        const from = out.length;
        this.#encodeSegment(text.slice(start, end), first, out);
        cache.add(units, start, end, out, from);
      }
      start = end;
    }
  }
}

const OTHER = 0;
const SPACE = 1;
const WORD = 2; // letters and digits of ASCII
const SIGN = 3; // the other printable characters of ASCII
const IDEOGRAPH = 4;
const KINDS = 5;

const unitKinds = lazy(() => {
  const kinds = new Uint8Array(0x10000);
  kinds.fill(IDEOGRAPH, 0x4e00, 0xa000);
  kinds.fill(SIGN, 0x21, 0x7f);
  kinds.fill(WORD, 0x30, 0x3a);
  kinds.fill(WORD, 0x41, 0x5b);
  kinds.fill(WORD, 0x61, 0x7b);
  kinds[0x20] = SPACE;
  return kinds;
});

/** 1 where a text is cut between units of two kinds. */
function cutTable({
  isolatesSigns,
  isolatesIdeographs,
}: Pick<Continuation, "isolatesSigns" | "isolatesIdeographs">): Uint8Array {
  const cuts = new Uint8Array(KINDS * KINDS);
  const cut = (before: number, after: number): void => {
    cuts[before * KINDS + after] = 1;
  };
  for (const before of [WORD, SIGN]) cut(before, SPACE);
  if (isolatesSigns) {
    for (const kind of [SPACE, WORD, SIGN]) {
      cut(kind, SIGN);
      cut(SIGN, kind);
    }
  }
  if (isolatesIdeographs) {
    for (const kind of [OTHER, SPACE, WORD, SIGN, IDEOGRAPH]) {
      cut(kind, IDEOGRAPH);
      cut(IDEOGRAPH, kind);
    }
  }
  return cuts;
}
