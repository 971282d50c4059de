import type { Decoder } from "./decoder.ts";

const CLEANED: readonly (readonly [string, string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Undoes the spaces that cutting at punctuation made in English. */
export function cleanUp(text: string): string {
  return CLEANED.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}

/** `WordPiece`: a space before each token but the first and those that continue a word. */
export function wordPiece({ prefix, cleanup }: { prefix: string; cleanup: boolean }): Decoder {
  return (tokens) =>
    tokens.map((token, index) => {
      const spaced = index === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? cleanUp(spaced) : spaced;
    });
}

/** `CTC`: of equal neighbours one is left, and the pad token goes. */
export function ctc(options: { padToken: string; wordDelimiterToken: string; cleanup: boolean }): Decoder {
  const { padToken, wordDelimiterToken, cleanup } = options;
  return (tokens) =>
    tokens
      .filter((token, index) => token !== tokens[index - 1])
      .map((token) => {
        const text = replaceAll(token, padToken, "");
        return cleanup ? replaceAll(cleanUp(text), wordDelimiterToken, " ") : text;
      })
      .filter((text) => text !== "");
}

/** All of `from`; `to` is taken as it is, without the patterns of `String.replaceAll`. */
export function replaceAll(text: string, from: string, to: string): string {
  return text.replaceAll(from, () => to);
}
