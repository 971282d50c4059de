import type { AlignedText } from "../aligned-text.ts";

/** Changes text before it is cut into pieces. */
export type Normalizer = (text: AlignedText) => AlignedText;
