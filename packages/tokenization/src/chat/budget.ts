import { TemplateFault } from "./template-error.ts";

/** What one rendering may cost. */
export interface ChatTemplateLimits {
  /** Expressions evaluated, statements run, and elements and characters (each 64 one step) that they touch. Default 2,000,000. */
  readonly maxSteps?: number;
  /** Characters of the result, and of every string on the way to it, in UTF-16 units. Default 16,777,216. */
  readonly maxOutput?: number;
}

/** Values nested deeper are refused: everything that walks through values recurses. */
export const MAX_DEPTH = 100;

/** Counts what a template does, so that none runs for ever or fills the memory. */
export class Budget {
  readonly maxOutput: number;
  readonly #maxSteps: number;
  #steps = 0;

  constructor({ maxSteps = 2_000_000, maxOutput = 2 ** 24 }: ChatTemplateLimits) {
    this.#maxSteps = maxSteps;
    this.maxOutput = maxOutput;
  }

  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > this.#maxSteps) {
      throw new TemplateFault(`expected at most ${this.#maxSteps} steps (maxSteps)`, "TOKENIZER_CHAT_TEMPLATE_LIMIT");
    }
  }

  /** Before `count` elements or characters are made or looked at. */
  touch(count: number): void {
    this.step(count / 64);
  }

  /** Before a string of this length is made. */
  text(length: number): void {
    if (length > this.maxOutput) {
      throw new TemplateFault(
        `expected at most ${this.maxOutput} characters (maxOutput), would be ${length}`,
        "TOKENIZER_CHAT_TEMPLATE_LIMIT",
      );
    }
    this.touch(length);
  }

  depth(depth: number): void {
    if (depth > MAX_DEPTH) {
      throw new TemplateFault(`expected values nested at most ${MAX_DEPTH} deep`, "TOKENIZER_CHAT_TEMPLATE_LIMIT");
    }
  }
}
