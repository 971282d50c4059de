import type { Tokenizer } from "@codex/tokenization";
import { openTokenizer, type TokenizerReference } from "./open-tokenizer.ts";
import { documentTexts, type TextInputOptions } from "./text-input.ts";
import { TokenCounter, type TokenizerStatistics } from "./tokenizer-statistics.ts";

export interface CompareTokenizersRequest extends TextInputOptions {
  readonly tokenizers: readonly [TokenizerReference, TokenizerReference];
  /** Files, folders or globs. */
  readonly data: readonly string[];
  readonly signal?: AbortSignal;
}

export interface ComparedTokenizer extends TokenizerStatistics {
  readonly path: string;
  readonly kind: string;
  /** Of UTF-8, encoded on this machine in this run. */
  readonly megabytesPerSecond: number;
}

/**
 * Two tokenizers over the same documents, each document by both, in turn the one and the other first, so that what the machine does besides
 * falls on both.
 *
 * @throws {TokenizerError} what loading and `encode` throw; {DataError} what reading the data throws
 */
export async function compareTokenizers(
  request: CompareTokenizersRequest,
): Promise<readonly [ComparedTokenizer, ComparedTokenizer]> {
  const [first, second] = request.tokenizers;
  const runs = [
    new Run(first.path, await openTokenizer(first)),
    new Run(second.path, await openTokenizer(second)),
  ] as const;
  let turn = 0;
  for await (const text of documentTexts(request.data, request)) {
    for (const index of turn++ % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) runs[index].encode(text);
  }
  return [runs[0].result(), runs[1].result()];
}

class Run {
  readonly #path: string;
  readonly #tokenizer: Tokenizer;
  readonly #counter: TokenCounter;
  #milliseconds = 0;

  constructor(path: string, tokenizer: Tokenizer) {
    this.#path = path;
    this.#tokenizer = tokenizer;
    this.#counter = new TokenCounter(tokenizer);
  }

  encode(text: string): void {
    const start = performance.now();
    const ids = this.#tokenizer.encode(text, { addSpecialTokens: false });
    this.#milliseconds += performance.now() - start;
    this.#counter.add(text, ids);
  }

  result(): ComparedTokenizer {
    const statistics = this.#counter.statistics();
    const megabytesPerSecond = this.#milliseconds === 0 ? 0 : statistics.bytes / this.#milliseconds / 1000;
    return { path: this.#path, kind: this.#tokenizer.kind, ...statistics, megabytesPerSecond };
  }
}
