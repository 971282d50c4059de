import type { Budget } from "./budget.ts";
import { isEqual } from "./operators.ts";
import { TemplateFault } from "./template-error.ts";
import { Callable, Namespace, orElse, Tuple, Undefined, type Value } from "./values.ts";

/** The variable `loop` of a for loop. */
export class Loop {
  readonly variable: Namespace;
  readonly #items: readonly Value[];

  constructor(items: readonly Value[], budget: Budget) {
    this.#items = items;
    let index = 0; // the depth stays 1: only recursive loops count it, which are not of the subset
    let last: Tuple | undefined;
    const cycle = new Callable("cycle", ({ positional }) => {
      if (positional.length === 0) throw new TemplateFault("loop.cycle(): expected values");
      return positional[index % positional.length]!;
    });
    const changed = new Callable("changed", ({ positional }) => {
      const now = new Tuple(positional);
      const isChanged = last === undefined || !isEqual(last, now, budget);
      last = now;
      return isChanged;
    });
    this.variable = new Namespace(
      new Map<string, Value>([
        ["depth", 1],
        ["depth0", 0],
        ["length", items.length],
        ["cycle", cycle],
        ["changed", changed],
      ]),
      true,
    );
    this.#setIndex = (at) => {
      index = at;
    };
  }

  readonly #setIndex: (index: number) => void;

  at(index: number): void {
    this.#setIndex(index);
    const items = this.#items;
    const { attributes } = this.variable;
    attributes.set("index", index + 1);
    attributes.set("index0", index);
    attributes.set("revindex", items.length - index);
    attributes.set("revindex0", items.length - index - 1);
    attributes.set("first", index === 0);
    attributes.set("last", index === items.length - 1);
    attributes.set(
      "previtem",
      orElse(items[index - 1], () => new Undefined("the item before the first")),
    );
    attributes.set(
      "nextitem",
      orElse(items[index + 1], () => new Undefined("the item after the last")),
    );
  }
}
