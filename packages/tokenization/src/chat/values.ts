/**
 * The values of a template: Python's, as far as JSON and templates have them. Nothing here is an object of the host: a template reaches
 * keys of a `Dict` and items of lists, never a property or a prototype.
 */
import type { Budget } from "./budget.ts";
import { TemplateFault } from "./template-error.ts";

export type Value =
  | null
  | boolean
  | number
  | string
  | Float
  | Undefined
  | Value[]
  | Tuple
  | Dict
  | Namespace
  | Callable;

/** A float that a JavaScript number would show as an integer: `2.0`. Others are numbers. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export function float(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

/** What a name, an attribute or an item is that is not there. */
export class Undefined {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

export class Tuple {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** A dict. Its keys are strings, numbers, booleans and None; as in Python, 1, 1.0 and True are one key. */
export class Dict {
  readonly entries: Map<string | number | null, readonly [Value, Value]> = new Map();

  static keyOf(key: Value): string | number | null {
    if (typeof key === "string" || key === null) return key;
    const number = numberOf(key);
    if (number === undefined)
      throw new TemplateFault(`expected a string or a number as key of a dict, got ${typeName(key)}`);
    return number;
  }

  get(key: Value): Value | undefined {
    return this.entries.get(Dict.keyOf(key))?.[1];
  }

  set(key: Value, value: Value): void {
    const id = Dict.keyOf(key);
    this.entries.set(id, [this.entries.get(id)?.[0] ?? key, value]); // the first spelling of a key stays
  }

  has(key: Value): boolean {
    return this.entries.has(Dict.keyOf(key));
  }

  keys(): Value[] {
    return [...this.entries.values()].map(([key]) => key);
  }

  values(): Value[] {
    return [...this.entries.values()].map(([, value]) => value);
  }
}

/** What `namespace()` gives: the only thing whose attributes a template may set; and `loop`, whose attributes it may not. */
export class Namespace {
  readonly attributes: Map<string, Value>;
  readonly isLoop: boolean;

  constructor(attributes: Map<string, Value>, isLoop = false) {
    this.attributes = attributes;
    this.isLoop = isLoop;
  }
}

export interface CallArguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

/** A macro, a global function, or a method with its object. */
export class Callable {
  readonly name: string;
  readonly call: (args: CallArguments) => Value;

  constructor(name: string, call: (args: CallArguments) => Value) {
    this.name = name;
    this.call = call;
  }
}

/** A value that may be absent, which None is not. */
export function orElse(value: Value | undefined, absent: () => Value): Value {
  return value === undefined ? absent() : value;
}

/** Numbers and booleans as a number. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return value instanceof Float ? value.value : undefined;
}

export function isInteger(value: Value): boolean {
  return typeof value === "boolean" || Number.isInteger(value);
}

/** Items of a list or a tuple. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  return value instanceof Tuple ? value.items : undefined;
}

/** The characters of a string are its code points. */
export function characters(text: string): readonly string[] {
  return isPlain(text) ? text.split("") : Array.from(text);
}

export function textLength(text: string): number {
  if (isPlain(text)) return text.length;
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function isPlain(text: string): boolean {
  return !/[\ud800-\udfff]/.test(text);
}

/** What a loop goes over. */
export function iterate(value: Value, budget: Budget): readonly Value[] {
  const items = itemsOf(value);
  if (items !== undefined) {
    budget.touch(items.length);
    return items;
  }
  if (typeof value === "string") {
    budget.touch(value.length);
    return characters(value);
  }
  if (value instanceof Dict) {
    budget.touch(value.entries.size);
    return value.keys();
  }
  if (value instanceof Undefined) return [];
  throw new TemplateFault(`expected something to loop over, got ${typeName(value)}`);
}

export function isTrue(value: Value): boolean {
  if (value === null || value instanceof Undefined || value === "") return false;
  const number = numberOf(value);
  if (number !== undefined) return number !== 0;
  const items = itemsOf(value);
  if (items !== undefined) return items.length > 0;
  return value instanceof Dict ? value.entries.size > 0 : true;
}

export function typeName(value: Value): string {
  if (value === null) return "None";
  if (value instanceof Undefined) return value.what;
  if (typeof value === "boolean") return "a boolean";
  if (numberOf(value) !== undefined) return "a number";
  if (typeof value === "string") return "a string";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Tuple) return "a tuple";
  if (value instanceof Dict) return "a dict";
  if (value instanceof Callable) return `the function ${value.name}`;
  return "a namespace";
}
