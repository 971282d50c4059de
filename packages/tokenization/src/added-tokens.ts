import { TokenizerError } from "./errors.ts";
import type { EncodeOptions } from "./tokenizer.ts";
import type { AddedToken } from "./tokenizer-json.ts";

type Allowed = NonNullable<EncodeOptions["allowedSpecial"]>;

/** Finds added tokens in text: the leftmost, of those the longest, first the ones that no normalisation touches. */
export class AddedTokens {
  readonly all: readonly AddedToken[];
  readonly #byContent: ReadonlyMap<string, AddedToken>;
  readonly #byId: ReadonlyMap<number, AddedToken>;
  readonly #patterns = new Map<string, readonly RegExp[]>();

  constructor(tokens: readonly AddedToken[]) {
    this.all = tokens;
    this.#byContent = new Map(tokens.map((token) => [token.content, token]));
    this.#byId = new Map(tokens.map((token) => [token.id, token]));
  }

  byId(id: number): AddedToken | undefined {
    return this.#byId.get(id);
  }

  isSpecial(id: number): boolean {
    return this.#byId.get(id)?.special === true;
  }

  /** Text between tokens, and the ids of tokens, in order. @throws {TokenizerError} `TOKENIZER_SPECIAL_TOKEN_UNKNOWN` */
  split(text: string, allowed: Allowed): (string | number)[] {
    let pieces: (string | number)[] = [text];
    for (const pattern of this.#patternsFor(allowed)) {
      pieces = pieces.flatMap((piece) => (typeof piece === "number" ? [piece] : this.#splitBy(pattern, piece)));
    }
    return pieces;
  }

  /** Whether `split` can find any. @throws {TokenizerError} `TOKENIZER_SPECIAL_TOKEN_UNKNOWN` */
  areSearched(allowed: Allowed): boolean {
    return this.#patternsFor(allowed).length > 0;
  }

  /** The special tokens that `allowed` lets through. */
  allowedSpecial(allowed: Allowed): AddedToken[] {
    if (allowed === "none") return [];
    const special = this.all.filter((token) => token.special);
    if (allowed === "all") return special;
    for (const content of allowed) {
      if (this.#byContent.get(content)?.special === true) continue;
      throw new TokenizerError(
        "TOKENIZER_SPECIAL_TOKEN_UNKNOWN",
        `allowedSpecial: ${JSON.stringify(content)} is not a special token of this tokenizer; there ${
          special.length === 0 ? "are none" : `are: ${special.map((token) => token.content).join(", ")}`
        }`,
      );
    }
    return special.filter((token) => allowed.has(token.content));
  }

  #patternsFor(allowed: Allowed): readonly RegExp[] {
    if (this.all.length === 0) return [];
    const special = this.allowedSpecial(allowed);
    const key = typeof allowed === "string" ? allowed : `only ${special.map((token) => token.id).join(" ")}`;
    const known = this.#patterns.get(key);
    if (known !== undefined) return known;
    const tokens = [...special, ...this.all.filter((token) => !token.special)];
    const patterns = [false, true].flatMap((normalized) => {
      const contents = tokens.filter((token) => token.normalized === normalized).map((token) => token.content);
      if (contents.length === 0) return [];
      // Alternatives are tried in order: the longest first makes the match the longest.
      contents.sort((a, b) => b.length - a.length);
      return [new RegExp(contents.map((content) => content.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g")];
    });
    this.#patterns.set(key, patterns);
    return patterns;
  }

  #splitBy(pattern: RegExp, text: string): (string | number)[] {
    const pieces: (string | number)[] = [];
    let start = 0;
    for (const match of text.matchAll(pattern)) {
      if (match.index > start) pieces.push(text.slice(start, match.index));
      pieces.push(this.#byContent.get(match[0])!.id);
      start = match.index + match[0].length;
    }
    if (start < text.length) pieces.push(text.slice(start));
    return pieces;
  }
}
