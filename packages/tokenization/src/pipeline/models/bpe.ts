/** `BPE`: characters, and merges of neighbours by rank; with all that published files set. */
import { CandidateHeap } from "../../candidate-heap.ts";
import { TokenizerError } from "../../errors.ts";
import { asFlag, asString, invalid, type JsonObject } from "../../json-reader.ts";
import { PairTable } from "../../pair-table.ts";
import { readMerges, unsupported } from "../../tokenizer-json.ts";
import { encodeUtf8, utf8Length } from "../../utf8.ts";
import type { Chance, Model, ModelToken, RandomStream } from "./model.ts";

const WHERE = "tokenizer.json: model";
const MAX_MERGES = 2 ** 21; // so that a rank and a position are one exact float64
const RANK = 2 ** 32; // a candidate is rank * RANK + position

interface Options {
  readonly dropout: number;
  readonly unkToken: string | undefined;
  readonly prefix: string;
  readonly suffix: string;
  readonly fuseUnk: boolean;
  readonly byteFallback: boolean;
  readonly ignoreMerges: boolean;
}

/** Symbols of a piece: ids, and bytes of the piece that each stands for. */
interface Symbols {
  readonly ids: number[];
  readonly lengths: number[];
}

/** @param blocked - ids that no text may make @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
export function readBpe(model: JsonObject, vocab: ReadonlyMap<string, number>, blocked: ReadonlySet<number>): Model {
  return new Bpe(readOptions(model), readMerges(model), vocab, blocked);
}

function readOptions(model: JsonObject): Options {
  const optional = (field: string): string | undefined => {
    const value = model[field] ?? undefined;
    return value === undefined ? undefined : asString(value, `${WHERE}.${field}`);
  };
  const dropout = model.dropout ?? 0;
  if (typeof dropout !== "number" || !(dropout >= 0 && dropout <= 1)) {
    return invalid(`${WHERE}.dropout`, "a number from 0 to 1", dropout);
  }
  const flag = (field: string): boolean => asFlag(model[field], `${WHERE}.${field}`);
  return {
    dropout,
    unkToken: optional("unk_token"),
    prefix: optional("continuing_subword_prefix") ?? "",
    suffix: optional("end_of_word_suffix") ?? "",
    fuseUnk: flag("fuse_unk"),
    byteFallback: flag("byte_fallback"),
    ignoreMerges: flag("ignore_merges"),
  };
}

class Bpe implements Model {
  readonly isDeterministic: boolean;
  readonly #options: Options;
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #blocked: ReadonlySet<number>;
  readonly #tokens: string[] = [];
  readonly #pairs: PairTable;
  readonly #ranks: number[] = [];
  readonly #results: number[] = [];

  constructor(
    options: Options,
    merges: readonly (readonly [string, string])[],
    vocab: ReadonlyMap<string, number>,
    blocked: ReadonlySet<number>,
  ) {
    if (merges.length > MAX_MERGES) throw unsupported("model.merges", `at most ${MAX_MERGES} merges`, merges.length);
    this.#options = options;
    this.#vocab = vocab;
    this.#blocked = blocked;
    this.isDeterministic = options.dropout === 0;
    for (const [token, id] of vocab) this.#tokens[id] = token;
    this.#pairs = new PairTable(merges.length);
    merges.forEach(([left, right], rank) => {
      const [leftId, rightId, result] = [left, right, left + right.slice(options.prefix.length)].map((token) => {
        const id = vocab.get(token);
        return id ?? invalid(`${WHERE}.merges[${rank}]`, "tokens that model.vocab has", token);
      }) as [number, number, number];
      this.#results.push(result);
      if (!blocked.has(result)) this.#ranks[this.#pairs.add(leftId, rightId)] = rank; // of a pair listed twice the last counts
    });
  }

  tokenize(piece: string, chance?: Chance): ModelToken[] {
    const whole = this.#options.ignoreMerges ? this.#ordinary(piece) : undefined;
    if (whole !== undefined) return [{ id: whole, token: piece, start: 0, end: utf8Length(piece) }];
    const { ids, lengths } = this.#merge(this.#symbols(piece), this.isDeterministic ? undefined : chance?.random);
    let at = 0;
    return ids.map((id, index) => {
      const start = at;
      at += lengths[index]!;
      return { id, token: this.#tokens[id]!, start, end: at };
    });
  }

  #ordinary(token: string): number | undefined {
    const id = this.#vocab.get(token);
    return id === undefined || this.#blocked.has(id) ? undefined : id;
  }

  #symbols(piece: string): Symbols {
    const { prefix, suffix, byteFallback, unkToken, fuseUnk } = this.#options;
    const ids: number[] = [];
    const lengths: number[] = [];
    const add = (id: number, length: number): void => {
      ids.push(id);
      lengths.push(length);
    };
    let unknown = 0; // bytes that wait to become an unk token
    const flush = (): void => {
      if (unknown > 0) add(this.#unkId(), unknown);
      unknown = 0;
    };
    for (let i = 0; i < piece.length; ) {
      const units = piece.codePointAt(i)! > 0xffff ? 2 : 1;
      const character = piece.slice(i, i + units);
      const isFirst = i === 0;
      i += units;
      const length = utf8Length(character);
      const spelled = `${isFirst ? "" : prefix}${character}${i === piece.length ? suffix : ""}`;
      const id = this.#ordinary(spelled);
      if (id !== undefined) {
        flush();
        add(id, length);
        continue;
      }
      const bytes = byteFallback ? byteTokens(spelled).map((token) => this.#ordinary(token)) : [];
      if (bytes.length > 0 && bytes.every((one) => one !== undefined)) {
        // An unknown character that waits comes after these: so it does in the Rust library.
        for (const one of bytes) add(one, 1);
        continue;
      }
      if (unkToken === undefined) {
        if (this.#vocab.has(spelled)) refuseSpecial(spelled);
        continue; // left out, and its neighbours merge
      }
      if (!fuseUnk) flush();
      unknown += length;
    }
    flush();
    return { ids, lengths };
  }

  #unkId(): number {
    const id = this.#vocab.get(this.#options.unkToken!);
    if (id !== undefined) return id;
    throw new TokenizerError(
      "TOKENIZER_UNKNOWN_CHARACTER",
      `text: expected characters of the vocabulary; its unk_token ${JSON.stringify(this.#options.unkToken)} is not in it`,
    );
  }

  /** As in bpe-model.ts, and with dropout: a merge that the stream drops is tried again after the next that is made. */
  #merge({ ids, lengths }: Symbols, random: RandomStream | undefined): Symbols {
    const length = ids.length;
    if (length < 2) return { ids, lengths };
    const previous = new Int32Array(length);
    const next = new Int32Array(length); // `length` at the end
    const removed = new Uint8Array(length);
    const heap = new CandidateHeap(3 * length);
    const consider = (left: number, right: number): void => {
      const pair = this.#pairs.indexOf(ids[left]!, ids[right]!);
      if (pair >= 0) heap.push(this.#ranks[pair]! * RANK + left);
    };
    for (let i = 0; i < length; i++) {
      previous[i] = i - 1;
      next[i] = i + 1;
      if (i > 0) consider(i - 1, i);
    }
    const dropped: number[] = [];
    for (let candidate = heap.pop(); candidate >= 0; candidate = heap.pop()) {
      if (random !== undefined && random() < this.#options.dropout) {
        dropped.push(candidate);
        continue;
      }
      for (const one of dropped.splice(0)) heap.push(one);
      const left = candidate % RANK;
      const right = next[left]!;
      if (removed[left] === 1 || right === length) continue;
      const result = this.#results[Math.floor(candidate / RANK)]!;
      const pair = this.#pairs.indexOf(ids[left]!, ids[right]!);
      if (pair < 0 || this.#results[this.#ranks[pair]!] !== result) continue; // one of the two has changed since
      ids[left] = result;
      lengths[left]! += lengths[right]!;
      removed[right] = 1;
      const after = next[right]!;
      next[left] = after;
      if (after < length) previous[after] = left;
      if (previous[left]! >= 0) consider(previous[left]!, left);
      if (after < length) consider(left, after);
    }
    const kept: Symbols = { ids: [], lengths: [] };
    for (let i = 0; i < length; i = next[i]!) {
      kept.ids.push(ids[i]!);
      kept.lengths.push(lengths[i]!);
    }
    return kept;
  }
}

function refuseSpecial(token: string): never {
  throw new TokenizerError(
    "TOKENIZER_SPECIAL_TOKEN_IN_TEXT",
    `text: expected no special tokens, got ${JSON.stringify(token)}, which has no other token`,
    { help: "Remove it from the text, or allow it with allowedSpecial." },
  );
}

/** Of each byte. */
export const BYTE_TOKENS = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/** `<0x0A>`: the tokens that stand for the bytes of a text. */
export function byteTokens(text: string): string[] {
  return Array.from(encodeUtf8(text), (byte) => BYTE_TOKENS[byte]!);
}
