/** Methods of strings, lists and dicts. Those that change a list or a dict are refused, as by jinja2's ImmutableSandboxedEnvironment. */
import { BoundArguments } from "./arguments.ts";
import type { Budget } from "./budget.ts";
import { isEqual } from "./operators.ts";
import { str } from "./python-text.ts";
import { TemplateFault } from "./template-error.ts";
import { capitalized, replace, splitAt, splitLines, splitWords, strip } from "./text-operations.ts";
import { Callable, Dict, itemsOf, iterate, orElse, Tuple, textLength, typeName, type Value } from "./values.ts";
import { isSpace, stripEnd, stripStart } from "./white-space.ts";

interface Method<Object> {
  readonly parameters: readonly string[];
  readonly run: (object: Object, args: BoundArguments, budget: Budget) => Value;
}

const STRING: Readonly<Record<string, Method<string>>> = {
  strip: { parameters: ["chars"], run: (text, args) => strip(text, args.text("chars")) },
  lstrip: { parameters: ["chars"], run: (text, args) => stripStart(text, args.text("chars")) },
  rstrip: { parameters: ["chars"], run: (text, args) => stripEnd(text, args.text("chars")) },
  upper: { parameters: [], run: (text) => text.toUpperCase() },
  lower: { parameters: [], run: (text) => text.toLowerCase() },
  capitalize: { parameters: [], run: capitalized },
  title: { parameters: [], run: (text) => text.replace(/\p{L}+/gu, capitalized) },
  startswith: { parameters: ["prefix"], run: (text, args) => anyOf(args, "prefix", (one) => text.startsWith(one)) },
  endswith: { parameters: ["suffix"], run: (text, args) => anyOf(args, "suffix", (one) => text.endsWith(one)) },
  removeprefix: {
    parameters: ["prefix"],
    run: (text, args) =>
      text.startsWith(required(args, "prefix")) ? text.slice(required(args, "prefix").length) : text,
  },
  removesuffix: {
    parameters: ["suffix"],
    run: (text, args) =>
      text.endsWith(required(args, "suffix")) ? text.slice(0, text.length - required(args, "suffix").length) : text,
  },
  find: { parameters: ["sub"], run: (text, args) => position(text, text.indexOf(required(args, "sub"))) },
  rfind: { parameters: ["sub"], run: (text, args) => position(text, text.lastIndexOf(required(args, "sub"))) },
  index: { parameters: ["sub"], run: (text, args) => found(position(text, text.indexOf(required(args, "sub")))) },
  count: {
    parameters: ["sub"],
    run: (text, args) =>
      required(args, "sub") === "" ? textLength(text) + 1 : text.split(required(args, "sub")).length - 1,
  },
  replace: {
    parameters: ["old", "new", "count"],
    run: (text, args, budget) =>
      replace(text, required(args, "old"), required(args, "new"), args.integer("count") ?? -1, budget),
  },
  split: { parameters: ["sep", "maxsplit"], run: (text, args) => split(text, args, false) },
  rsplit: { parameters: ["sep", "maxsplit"], run: (text, args) => split(text, args, true) },
  splitlines: { parameters: [], run: splitLines },
  partition: {
    parameters: ["sep"],
    run: (text, args) => partition(text, text.indexOf(separator(args)), separator(args)) ?? new Tuple([text, "", ""]),
  },
  rpartition: {
    parameters: ["sep"],
    run: (text, args) =>
      partition(text, text.lastIndexOf(separator(args)), separator(args)) ?? new Tuple(["", "", text]),
  },
  join: { parameters: ["iterable"], run: joined },
  isdigit: { parameters: [], run: (text) => /^[\p{Nd}\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089]+$/u.test(text) },
  isnumeric: { parameters: [], run: (text) => /^\p{N}+$/u.test(text) },
  isalpha: { parameters: [], run: (text) => /^\p{L}+$/u.test(text) },
  isalnum: { parameters: [], run: (text) => /^[\p{L}\p{N}]+$/u.test(text) },
  isspace: { parameters: [], run: (text) => text !== "" && [...text].every(isSpace) },
  isupper: { parameters: [], run: (text) => text === text.toUpperCase() && text !== text.toLowerCase() },
  islower: { parameters: [], run: (text) => text === text.toLowerCase() && text !== text.toUpperCase() },
};

const LIST: Readonly<Record<string, Method<readonly Value[]>>> = {
  index: {
    parameters: ["value"],
    run: (items, args, budget) => found(items.findIndex((item) => isEqual(item, args.required("value"), budget))),
  },
  count: {
    parameters: ["value"],
    run: (items, args, budget) => items.filter((item) => isEqual(item, args.required("value"), budget)).length,
  },
  copy: { parameters: [], run: (items) => [...items] },
};

const DICT: Readonly<Record<string, Method<Dict>>> = {
  get: {
    parameters: ["key", "default"],
    run: (dict, args) => orElse(dict.get(args.required("key")), () => orElse(args.get("default"), () => null)),
  },
  keys: { parameters: [], run: (dict) => dict.keys() },
  values: { parameters: [], run: (dict) => dict.values() },
  items: { parameters: [], run: dictItems },
  copy: {
    parameters: [],
    run: (dict) => {
      const copy = new Dict();
      for (const [key, value] of dict.entries.values()) copy.set(key, value);
      return copy;
    },
  },
};

const LIST_CHANGES = new Set(["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"]);
const DICT_CHANGES = new Set(["clear", "pop", "popitem", "setdefault", "update"]);

export function dictItems(dict: Dict): Value[] {
  return [...dict.entries.values()].map((entry) => new Tuple(entry));
}

/** The method of a value; undefined where it has none of that name. */
export function methodOf(object: Value, name: string, budget: Budget): Callable | undefined {
  if (typeof object === "string") return bound(STRING, object, name, budget);
  if (object instanceof Dict) return DICT_CHANGES.has(name) ? refused(name) : bound(DICT, object, name, budget);
  const items = itemsOf(object);
  if (items === undefined) return undefined;
  return Array.isArray(object) && LIST_CHANGES.has(name) ? refused(name) : bound(LIST, items, name, budget);
}

function bound<Object extends Value | readonly Value[]>(
  methods: Readonly<Record<string, Method<Object>>>,
  object: Object,
  name: string,
  budget: Budget,
): Callable | undefined {
  if (!Object.hasOwn(methods, name)) return undefined;
  const { parameters, run } = methods[name]!;
  return new Callable(name, (args) => {
    budget.touch(
      typeof object === "string"
        ? object.length
        : object instanceof Dict
          ? object.entries.size
          : (object as readonly Value[]).length,
    );
    return run(object, new BoundArguments(`${name}()`, args, parameters), budget);
  });
}

function refused(name: string): Callable {
  return new Callable(name, () => {
    throw new TemplateFault(`${name}(): templates may not change lists and dicts`);
  });
}

function required(args: BoundArguments, name: string): string {
  const value = args.required(name);
  if (typeof value !== "string") throw new TemplateFault(`${name}: expected a string, got ${typeName(value)}`);
  return value;
}

function separator(args: BoundArguments): string {
  const text = required(args, "sep");
  if (text === "") throw new TemplateFault("sep: expected a string that is not empty");
  return text;
}

function anyOf(args: BoundArguments, name: string, test: (text: string) => boolean): boolean {
  const value = args.required(name);
  if (value instanceof Tuple) return value.items.some((one) => typeof one === "string" && test(one));
  return test(required(args, name));
}

/** Of UTF-16 units as one of code points. */
function position(text: string, index: number): number {
  return index < 0 ? -1 : textLength(text.slice(0, index));
}

function found(index: number): number {
  if (index < 0) throw new TemplateFault("index(): expected something that is there");
  return index;
}

function partition(text: string, index: number, sep: string): Tuple | undefined {
  return index < 0 ? undefined : new Tuple([text.slice(0, index), sep, text.slice(index + sep.length)]);
}

function split(text: string, args: BoundArguments, fromEnd: boolean): string[] {
  const maximum = args.integer("maxsplit") ?? -1;
  const limit = maximum < 0 ? Number.POSITIVE_INFINITY : maximum;
  const value = args.get("sep");
  return value === undefined || value === null
    ? splitWords(text, limit, fromEnd)
    : splitAt(text, separator(args), limit, fromEnd);
}

function joined(text: string, args: BoundArguments, budget: Budget): string {
  const items = iterate(args.required("iterable"), budget).map((item) => {
    if (typeof item !== "string") throw new TemplateFault(`join(): expected strings, got ${typeName(item)}`);
    return item;
  });
  budget.text(items.reduce((sum, item) => sum + item.length + text.length, 0));
  return items.map((item) => str(item, budget)).join(text);
}
