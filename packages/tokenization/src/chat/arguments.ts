import type { Budget } from "./budget.ts";
import { str } from "./python-text.ts";
import { TemplateFault } from "./template-error.ts";
import { type CallArguments, isInteger, numberOf, typeName, type Value } from "./values.ts";

/** The arguments of a filter, a test, a method or a global function, by the names that Python gives them. */
export class BoundArguments {
  readonly #what: string;
  readonly #values = new Map<string, Value>();

  /** @throws {TemplateFault} for more of them than there are names, and for other names */
  constructor(what: string, { positional, named }: CallArguments, names: readonly string[]) {
    this.#what = what;
    if (positional.length > names.length) {
      throw new TemplateFault(`${what}: expected at most ${names.length} arguments, got ${positional.length}`);
    }
    positional.forEach((value, index) => {
      this.#values.set(names[index]!, value);
    });
    for (const [name, value] of named) {
      if (!names.includes(name))
        throw new TemplateFault(`${what}: expected ${names.join(", ") || "no argument"}, got ${name}`);
      if (this.#values.has(name)) throw new TemplateFault(`${what}: expected ${name} once`);
      this.#values.set(name, value);
    }
  }

  get(name: string): Value | undefined {
    return this.#values.get(name);
  }

  required(name: string): Value {
    const value = this.get(name);
    if (value === undefined) throw new TemplateFault(`${this.#what}: expected ${name}`);
    return value;
  }

  /** A string; None and absent are undefined. */
  text(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string")
      throw new TemplateFault(`${this.#what}: ${name}: expected a string, got ${typeName(value)}`);
    return value;
  }

  /** Anything, as a string. */
  asText(name: string, budget: Budget): string {
    return str(this.required(name), budget);
  }

  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined || value === null) return undefined;
    if (!isInteger(value))
      throw new TemplateFault(`${this.#what}: ${name}: expected an integer, got ${typeName(value)}`);
    return numberOf(value);
  }
}
