/** Turns tokens into the parts of a text; what comes last is joined. */
export type Decoder = (tokens: readonly string[]) => string[];
