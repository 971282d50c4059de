import type { AlignedText } from "../aligned-text.ts";

/** Cuts a text into the pieces that a model sees one by one, and may change them. Empty ones are dropped by the caller. */
export type PreTokenizer = (text: AlignedText) => AlignedText[];
