import type { RandomStream } from "./models/model.ts";

/** SplitMix32: the same numbers for the same seed on every machine; for dropout, where no more is asked of it. */
export function randomStream(seed: number): RandomStream {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
