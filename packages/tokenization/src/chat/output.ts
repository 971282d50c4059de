import type { Budget } from "./budget.ts";

/** Text as it comes out of statements. */
export class Output {
  readonly #budget: Budget;
  readonly #parts: string[] = [];
  length = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  write(text: string): void {
    this.length += text.length;
    this.#budget.text(this.length > this.#budget.maxOutput ? this.length : text.length);
    this.#parts.push(text);
  }

  text(): string {
    return this.#parts.join("");
  }
}
