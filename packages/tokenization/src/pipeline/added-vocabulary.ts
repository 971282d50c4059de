/** Finds added tokens in text before the model sees it: first those of the text as it was written, then of the normalized. */
import { asArray, asFlag, asObject, type JsonObject } from "../json-reader.ts";
import type { AddedToken } from "../tokenizer-json.ts";
import { AlignedText } from "./aligned-text.ts";
import { isWhiteSpace, word } from "./characters.ts";
import { Trie } from "./models/trie.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";

/** A part of a text: an added token, or what the rest of the pipeline is for. */
export interface Part {
  readonly text: AlignedText;
  readonly addedId?: number;
}

interface Flags {
  readonly singleWord: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

export class AddedVocabulary {
  readonly #special: ReadonlySet<number>;
  readonly #flags = new Map<number, Flags>();
  readonly #written: Finder;
  readonly #normalized: Finder;
  readonly #normalizedIds: ReadonlyMap<string, number>;
  readonly #normalizer: Normalizer | undefined;
  /** What a normalized token is to the decoder. */
  readonly #normalForms = new Map<number, string>();

  /** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
  constructor(file: JsonObject, tokens: readonly AddedToken[], normalizer: Normalizer | undefined) {
    this.#normalizer = normalizer;
    this.#special = new Set(tokens.filter((token) => token.special).map((token) => token.id));
    this.#readFlags(file, tokens);
    const written = new Map<string, number>();
    const normalized = new Map<string, number>();
    for (const { content, id, normalized: isNormalized } of tokens) {
      if (!isNormalized) {
        written.set(content, id);
        continue;
      }
      const form = normalizer === undefined ? content : normalizer(AlignedText.of(content, false)).text;
      if (form !== content) this.#normalForms.set(id, form);
      if (form !== "") normalized.set(form, id);
    }
    this.#written = new Finder(written);
    this.#normalizedIds = normalized;
    this.#normalized = new Finder(normalized);
  }

  /** The token as a decoder is given it. */
  normalForm(id: number): string | undefined {
    return this.#normalForms.get(id);
  }

  /** @param isAllowed - of special tokens: those that may come out of the text; others stay text */
  split(text: AlignedText, isAllowed: (id: number) => boolean): Part[] {
    return this.splitWritten(text, isAllowed).flatMap((part) =>
      part.addedId === undefined ? this.splitNormalized(part.text, isAllowed, this.#normalizer) : [part],
    );
  }

  /** The first half of `split`: tokens of the text as it was written. */
  splitWritten(text: AlignedText, isAllowed: (id: number) => boolean): Part[] {
    return this.#splitBy(this.#written, text, isAllowed);
  }

  /** The second half: normalizes, and finds tokens of the normalized text. */
  splitNormalized(text: AlignedText, isAllowed: (id: number) => boolean, normalizer: Normalizer | undefined): Part[] {
    return this.#splitBy(this.#normalized, normalizer === undefined ? text : normalizer(text), isAllowed);
  }

  /** Whether tokens are looked for in the normalized text too. */
  get hasNormalized(): boolean {
    return this.#normalizedIds.size > 0;
  }

  /** Whether these are found in each segment of a text as in the whole, if it is cut as in continuation.ts. */
  get isLocal(): boolean {
    return [...this.#normalizedIds].every(([form, id]) => /^[!-~]+$/.test(form) && !this.#flags.get(id)?.rstrip);
  }

  /**
   * What `split` does to a text that is not aligned, if that is known without normalizing it.
   * @returns undefined where a token that may come out of the text is searched for in normalized text
   */
  writtenSplitter(isAllowed: (id: number) => boolean): ((text: string) => (string | number)[]) | undefined {
    const mayBeFound = (id: number): boolean => !this.#special.has(id) || isAllowed(id);
    if (this.#normalized.ids.some(mayBeFound)) return undefined;
    if (!this.#written.ids.some(mayBeFound)) return (text) => [text];
    return (text) =>
      this.#splitBy(this.#written, AlignedText.of(text, false), isAllowed).map(
        (part) => part.addedId ?? part.text.text,
      );
  }

  #readFlags(file: JsonObject, tokens: readonly AddedToken[]): void {
    asArray(file.added_tokens ?? [], "tokenizer.json: added_tokens").forEach((value, index) => {
      const where = `tokenizer.json: added_tokens[${index}]`;
      const entry = asObject(value, where);
      const flags = {
        singleWord: asFlag(entry.single_word, `${where}.single_word`),
        lstrip: asFlag(entry.lstrip, `${where}.lstrip`),
        rstrip: asFlag(entry.rstrip, `${where}.rstrip`),
      };
      if (flags.singleWord || flags.lstrip || flags.rstrip) this.#flags.set(tokens[index]!.id, flags);
    });
  }

  #splitBy(finder: Finder, aligned: AlignedText, isAllowed: (id: number) => boolean): Part[] {
    const { text } = aligned;
    const parts: Part[] = [];
    let last = 0;
    for (const found of finder.findAll(text)) {
      const { id } = found;
      let { start, end } = found;
      if (this.#special.has(id) && !isAllowed(id)) continue;
      const flags = this.#flags.get(id);
      if (flags?.singleWord && (endsWithWord(text, start) || startsWithWord(text, end))) continue;
      if (flags?.lstrip) while (start > last && isWhiteSpace(text.charCodeAt(start - 1))) start--;
      if (flags?.rstrip) while (end < text.length && isWhiteSpace(text.charCodeAt(end))) end++;
      // White space that the token before took is not taken twice.
      start = Math.max(start, last);
      if (last < start) parts.push({ text: aligned.slice(last, start) });
      parts.push({ text: aligned.slice(start, end), addedId: id });
      last = end;
    }
    if (last < text.length) parts.push({ text: aligned.slice(last, text.length) });
    return parts;
  }
}

/** The leftmost of the contents, of those the longest, then from its end on. */
class Finder {
  readonly ids: readonly number[];
  readonly #trie: Trie;
  /** 1 for UTF-16 units that a content begins with. */
  readonly #first = new Uint8Array(0x10000);
  readonly #isEmpty: boolean;

  constructor(contents: ReadonlyMap<string, number>) {
    this.#trie = new Trie(contents.size * 8);
    this.ids = [...contents.values()];
    this.#isEmpty = contents.size === 0;
    for (const [content, id] of contents) {
      this.#trie.add(content, id);
      this.#first[content.charCodeAt(0)] = 1;
    }
  }

  *findAll(text: string): Generator<{ id: number; start: number; end: number }> {
    if (this.#isEmpty) return;
    for (let start = 0; start < text.length; ) {
      if (this.#first[text.charCodeAt(start)] === 0) {
        start++;
        continue;
      }
      let found = -1;
      let end = start;
      for (let node = 0, at = start; at < text.length; ) {
        node = this.#trie.next(node, text.charCodeAt(at++));
        if (node < 0) break;
        if (this.#trie.value(node) < 0) continue;
        found = this.#trie.value(node);
        end = at;
      }
      if (found >= 0) yield { id: found, start, end };
      start = found >= 0 ? end : start + 1;
    }
  }
}

function endsWithWord(text: string, end: number): boolean {
  if (end === 0) return false;
  const pair = end > 1 ? text.codePointAt(end - 2)! : 0;
  return word().has(pair > 0xffff ? pair : text.charCodeAt(end - 1));
}

function startsWithWord(text: string, start: number): boolean {
  return start < text.length && word().has(text.codePointAt(start)!);
}
