import type { Tokenizer } from "@codex/tokenization";
import { openTokenizer, type TokenizerReference } from "./open-tokenizer.ts";
import { documentTexts, type TextInputOptions } from "./text-input.ts";

export interface TokenizerStatisticsRequest extends TokenizerReference, TextInputOptions {
  /** Files, folders or globs. */
  readonly data: readonly string[];
  readonly signal?: AbortSignal;
}

export interface TokenizerStatistics {
  readonly vocabSize: number;
  readonly documents: number;
  /** Of UTF-8. */
  readonly bytes: number;
  readonly tokens: number;
  readonly bytesPerToken: number;
  /** Tokens that stand for what the vocabulary does not have. */
  readonly unknownTokens: number;
  /** Ids that occur. */
  readonly usedIds: number;
  /** Tokens per document. */
  readonly documentTokens: {
    readonly min: number;
    readonly median: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
}

/** Counts what a tokenizer makes of documents, given one by one. Memory: eight bytes a document, and the vocabulary. */
export class TokenCounter {
  readonly #unkId: number | undefined;
  readonly #used: Uint8Array;
  readonly #lengths: number[] = [];
  #bytes = 0;
  #tokens = 0;
  #unknown = 0;

  constructor({ vocabSize, specialTokens }: Tokenizer) {
    this.#unkId = specialTokens.unk?.id;
    this.#used = new Uint8Array(vocabSize);
  }

  add(text: string, ids: Uint32Array): void {
    this.#bytes += Buffer.byteLength(text);
    this.#tokens += ids.length;
    this.#lengths.push(ids.length);
    for (const id of ids) {
      this.#used[id] = 1;
      if (id === this.#unkId) this.#unknown++;
    }
  }

  statistics(): TokenizerStatistics {
    const sorted = Float64Array.from(this.#lengths).sort();
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
    return {
      vocabSize: this.#used.length,
      documents: sorted.length,
      bytes: this.#bytes,
      tokens: this.#tokens,
      bytesPerToken: this.#tokens === 0 ? 0 : this.#bytes / this.#tokens,
      unknownTokens: this.#unknown,
      usedIds: this.#used.reduce((sum, one) => sum + one, 0),
      documentTokens: { min: at(0), median: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) },
    };
  }
}

/** @throws {TokenizerError} what loading and `encode` throw; {DataError} what reading the data throws */
export async function tokenizerStatistics(request: TokenizerStatisticsRequest): Promise<TokenizerStatistics> {
  const tokenizer = await openTokenizer(request);
  const counter = new TokenCounter(tokenizer);
  for await (const text of documentTexts(request.data, request))
    counter.add(text, tokenizer.encode(text, { addSpecialTokens: false }));
  return counter.statistics();
}
