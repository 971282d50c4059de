/** The functions that every template has. */
import { BoundArguments } from "./arguments.ts";
import type { Budget } from "./budget.ts";
import { str } from "./python-text.ts";
import { TemplateFault } from "./template-error.ts";
import {
  type CallArguments,
  Callable,
  Dict,
  isInteger,
  itemsOf,
  iterate,
  Namespace,
  numberOf,
  type Value,
} from "./values.ts";

export interface GlobalOptions {
  /** What `strftime_now(format)` gives. Without it there is no such function. */
  readonly strftimeNow?: ((format: string) => string) | undefined;
}

export function createGlobals(budget: Budget, { strftimeNow }: GlobalOptions): Map<string, Value> {
  const functions: Record<string, (args: CallArguments) => Value> = {
    range: (args) => range(args, budget),
    namespace: (args) => {
      const entries = [...dictOf(args, budget).entries.values()];
      const attributes = new Map(entries.map(([key, value]) => [str(key, budget), value]));
      for (const name of attributes.keys()) refuseUnderscore(name);
      return new Namespace(attributes);
    },
    dict: (args) => dictOf(args, budget),
    raise_exception: (args) => {
      const message = new BoundArguments("raise_exception()", args, ["message"]).asText("message", budget);
      throw new TemplateFault(`the template refuses: ${message}`, "TOKENIZER_CHAT_REFUSED");
    },
  };
  if (strftimeNow !== undefined) {
    functions["strftime_now"] = (args) => {
      const text = strftimeNow(new BoundArguments("strftime_now()", args, ["format"]).asText("format", budget));
      if (typeof text !== "string") throw new TemplateFault("strftime_now(): expected strftimeNow to give a string");
      budget.text(text.length);
      return text;
    };
  }
  return new Map(Object.entries(functions).map(([name, call]) => [name, new Callable(name, call)]));
}

export function refuseUnderscore(name: string): void {
  if (name.startsWith("_"))
    throw new TemplateFault(`namespace: expected names without an underscore in front, got ${name}`);
}

function range({ positional, named }: CallArguments, budget: Budget): Value {
  const bounds = positional.map((value) => (isInteger(value) ? numberOf(value)! : Number.NaN));
  const [start, stop, step] = bounds.length === 1 ? [0, bounds[0]!, 1] : [bounds[0]!, bounds[1]!, bounds[2] ?? 1];
  if (named.size > 0 || bounds.length < 1 || bounds.length > 3 || bounds.some(Number.isNaN) || step === 0) {
    throw new TemplateFault("range(): expected one to three integers, and a step other than zero");
  }
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > MAX_RANGE) throw new TemplateFault(`range(): expected at most ${MAX_RANGE} numbers`);
  budget.touch(length);
  return Array.from({ length }, (_, index) => start + index * step);
}

/** As in jinja2's sandbox. */
const MAX_RANGE = 100_000;

/** `dict(x, a=1)`: the entries of a dict or a list of pairs, and those that are named. */
function dictOf({ positional, named }: CallArguments, budget: Budget): Dict {
  const dict = new Dict();
  const [first] = positional;
  if (positional.length > 1) throw new TemplateFault("dict(): expected one argument without a name at most");
  if (first instanceof Dict) {
    budget.touch(first.entries.size);
    for (const [key, value] of first.entries.values()) dict.set(key, value);
  } else if (first !== undefined) {
    for (const pair of iterate(first, budget)) {
      const [key, value, ...more] = itemsOf(pair) ?? [];
      if (key === undefined || value === undefined || more.length > 0)
        throw new TemplateFault("dict(): expected pairs");
      dict.set(key, value);
    }
  }
  for (const [name, value] of named) dict.set(name, value);
  return dict;
}
