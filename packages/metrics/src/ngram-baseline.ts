/**
 * Byte n-gram models, to hold a language model's bits per byte against. Each order is interpolated with the one below it
 * by Witten and Bell's method (1991; Chen and Goodman 1999, section 2.4), which has nothing to tune:
 *
 *   p(w | h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h))
 *
 * c: count in the training text; t(h): different bytes seen after h; h': h without its first byte. Below one byte all 256
 * are alike. Texts are separate: the first bytes of each have the shorter context that there is.
 */
import { CompensatedSum } from "./compensated-sum.ts";
import type { MetricResult } from "./metric.ts";
import { empty } from "./token-metrics.ts";

export interface ByteNgramModel {
  readonly order: 1 | 2 | 3;
  /** Counts a training text. A string is its UTF-8. */
  add(text: string | Uint8Array): void;
  /**
   * Bits per byte of held-out texts. `n`: bytes.
   * @throws `METRICS_EMPTY` without training text or without held-out text
   */
  bitsPerByte(texts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>): Promise<MetricResult>;
}

/** @param options.order - 2: bigram, 3: trigram, which takes 64 MiB */
export function createByteNgramModel({ order }: { order: 1 | 2 | 3 }): ByteNgramModel {
  // counts[k]: of k + 1 bytes in a row, by their value in base 256; followers[k]: different ones after k bytes.
  const counts = Array.from({ length: order }, (_, k) => new Uint32Array(256 ** (k + 1)));
  const totals = Array.from({ length: order }, (_, k) => new Uint32Array(256 ** k));
  const followers = Array.from({ length: order }, (_, k) => new Uint16Array(256 ** k));

  const add = (text: string | Uint8Array): void => {
    forEachByte(toBytes(text), order, (byte, contexts) => {
      contexts.forEach((context, k) => {
        const gram = context * 256 + byte;
        if (counts[k]![gram]!++ === 0) followers[k]![context]!++;
        totals[k]![context]!++;
      });
    });
  };

  const probability = (byte: number, contexts: readonly number[]): number => {
    let p = 1 / 256;
    contexts.forEach((context, k) => {
      const seen = totals[k]![context]!;
      if (seen === 0) return; // t(h) is 0 as well: only the shorter context knows something
      const different = followers[k]![context]!;
      p = (counts[k]![context * 256 + byte]! + different * p) / (seen + different);
    });
    return p;
  };

  return {
    order,
    add,
    async bitsPerByte(texts) {
      const name = `byte ${order}-gram`;
      if (totals[0]![0] === 0) throw empty(name, "training text");
      const bits = new CompensatedSum();
      let n = 0;
      for await (const text of texts) {
        const bytes = toBytes(text);
        n += bytes.length;
        forEachByte(bytes, order, (byte, contexts) => bits.add(-Math.log2(probability(byte, contexts))));
      }
      if (n === 0) throw empty(name, "held-out text");
      return { value: bits.value / n, n };
    },
  };
}

/** Visits each byte with the value of the 0, 1, ... `order` - 1 bytes before it in base 256, as far as there are any. */
function forEachByte(
  bytes: Uint8Array,
  order: number,
  visit: (byte: number, contexts: readonly number[]) => void,
): void {
  const contexts: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    contexts.length = 0;
    let context = 0;
    contexts.push(0);
    for (let k = 1; k < order && k <= i; k++) {
      context += bytes[i - k]! * 256 ** (k - 1);
      contexts.push(context);
    }
    visit(bytes[i]!, contexts);
  }
}

function toBytes(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}
