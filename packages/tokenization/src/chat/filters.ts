/** The filters of `x | y`, as jinja2 3.1 has them; `tojson` as transformers replaces it. */

import { getItem } from "./access.ts";
import { BoundArguments } from "./arguments.ts";
import type { Budget } from "./budget.ts";
import { dictItems } from "./methods.ts";
import { arithmetic, formatted, isEqual, negated, orderOf } from "./operators.ts";
import { str } from "./python-text.ts";
import { TemplateFault } from "./template-error.ts";
import { runTest } from "./tests.ts";
import { capitalized, replace, splitLines, strip } from "./text-operations.ts";
import { toJson } from "./to-json.ts";
import {
  type CallArguments,
  characters,
  Dict,
  float,
  isInteger,
  isTrue,
  itemsOf,
  iterate,
  numberOf,
  orElse,
  textLength,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

type Run = (value: Value, args: BoundArguments, budget: Budget) => Value;

const FILTERS: Readonly<Record<string, { readonly parameters: readonly string[]; readonly run: Run }>> = {
  trim: { parameters: ["chars"], run: (value, args, budget) => strip(str(value, budget), args.text("chars")) },
  upper: { parameters: [], run: (value, _, budget) => str(value, budget).toUpperCase() },
  lower: { parameters: [], run: (value, _, budget) => str(value, budget).toLowerCase() },
  capitalize: { parameters: [], run: (value, _, budget) => capitalized(str(value, budget)) },
  title: { parameters: [], run: (value, _, budget) => titled(str(value, budget)) },
  string: { parameters: [], run: (value, _, budget) => str(value, budget) },
  // Nothing is escaped here, so that there is nothing to mark.
  safe: { parameters: [], run: (value, _, budget) => str(value, budget) },
  length: { parameters: [], run: lengthOf },
  count: { parameters: [], run: lengthOf },
  list: { parameters: [], run: (value, _, budget) => [...iterate(value, budget)] },
  items: { parameters: [], run: items },
  first: {
    parameters: [],
    run: (value, _, budget) => orElse(iterate(value, budget)[0], () => new Undefined("the first item of nothing")),
  },
  last: {
    parameters: [],
    run: (value, _, budget) => orElse(iterate(value, budget).at(-1), () => new Undefined("the last item of nothing")),
  },
  reverse: { parameters: [], run: (value, _, budget) => reversed(value, budget) },
  join: { parameters: ["d", "attribute"], run: joined },
  replace: {
    parameters: ["old", "new", "count"],
    run: (value, args, budget) =>
      replace(
        str(value, budget),
        args.asText("old", budget),
        args.asText("new", budget),
        args.integer("count") ?? -1,
        budget,
      ),
  },
  default: { parameters: ["default_value", "boolean"], run: fallback },
  d: { parameters: ["default_value", "boolean"], run: fallback },
  tojson: { parameters: ["ensure_ascii", "indent", "separators", "sort_keys"], run: json },
  indent: { parameters: ["width", "first", "blank"], run: indented },
  int: { parameters: ["default", "base"], run: toInteger },
  float: { parameters: ["default"], run: toFloat },
  abs: { parameters: [], run: (value) => ((numberOf(value) ?? notNumber(value)) < 0 ? negated(value) : value) },
  round: { parameters: ["precision", "method"], run: rounded },
  sum: {
    parameters: ["attribute", "start"],
    run: (value, args, budget) =>
      attributes(value, args, budget).reduce((sum, item) => arithmetic("+", sum, item, budget), args.get("start") ?? 0),
  },
  min: {
    parameters: ["case_sensitive", "attribute"],
    run: (value, args, budget) =>
      orElse(sorted(value, args, budget)[0], () => new Undefined("the smallest of nothing")),
  },
  max: {
    parameters: ["case_sensitive", "attribute"],
    run: (value, args, budget) =>
      orElse(sorted(value, args, budget, -1)[0], () => new Undefined("the largest of nothing")),
  },
  sort: {
    parameters: ["reverse", "case_sensitive", "attribute"],
    run: (value, args, budget) => sorted(value, args, budget, isTrue(args.get("reverse") ?? false) ? -1 : 1),
  },
  unique: { parameters: ["case_sensitive", "attribute"], run: unique },
  dictsort: { parameters: ["case_sensitive", "by", "reverse"], run: dictSorted },
};

/** @throws {TemplateFault} for a filter that there is not */
export function runFilter(name: string, value: Value, args: CallArguments, budget: Budget): Value {
  budget.step();
  switch (name) {
    case "map":
      return mapped(value, args, budget);
    case "select":
    case "reject":
    case "selectattr":
    case "rejectattr":
      return selected(name, value, args, budget);
    case "format":
      return formatted(str(value, budget), args.positional, budget);
  }
  if (!Object.hasOwn(FILTERS, name))
    throw new TemplateFault(`expected a filter that is known, got ${name}`, "TOKENIZER_CHAT_TEMPLATE_INVALID");
  const { parameters, run } = FILTERS[name]!;
  if (typeof value === "string") budget.touch(value.length);
  return run(value, new BoundArguments(name, args, parameters), budget);
}

/** `map("trim")`, or `map(attribute="name")`. */
function mapped(value: Value, { positional, named }: CallArguments, budget: Budget): Value {
  const all = iterate(value, budget);
  if (positional.length === 0) {
    const args = new BoundArguments("map", { positional, named }, ["attribute", "default"]);
    return all.map((item) => attributeOf(item, args.required("attribute"), budget, args.get("default")));
  }
  const [filter, ...rest] = positional;
  return all.map((item) => runFilter(str(filter!, budget), item, { positional: rest, named }, budget));
}

/** `select("string")`, `selectattr("role", "equalto", "user")`; without a test, by truth. */
function selected(name: string, value: Value, { positional, named }: CallArguments, budget: Budget): Value {
  const [attribute, rest] = name.endsWith("attr") ? [positional[0], positional.slice(1)] : [undefined, positional];
  if (name.endsWith("attr") && attribute === undefined) throw new TemplateFault(`${name}: expected an attribute`);
  const wanted = name.startsWith("select");
  const [test, ...args] = rest;
  return iterate(value, budget).filter((item) => {
    const subject = attribute === undefined ? item : attributeOf(item, attribute, budget);
    const passes =
      test === undefined ? isTrue(subject) : runTest(str(test, budget), subject, { positional: args, named }, budget);
    return passes === wanted;
  });
}

/** An item by its name, `a.b` for one inside another. @param missing - stands for each that is not there */
function attributeOf(value: Value, attribute: Value, budget: Budget, missing?: Value): Value {
  const path = typeof attribute === "string" ? attribute.split(".") : [attribute];
  return path.reduce<Value>((object, part) => {
    const key = typeof part === "string" && /^\d+$/.test(part) ? Number(part) : part;
    const found = getItem(object, key, budget);
    return found instanceof Undefined && missing !== undefined && missing !== null ? missing : found;
  }, value);
}

function attributes(value: Value, args: BoundArguments, budget: Budget): Value[] {
  const attribute = args.get("attribute") ?? null;
  const all = iterate(value, budget);
  return attribute === null ? [...all] : all.map((item) => attributeOf(item, attribute, budget));
}

function sorted(value: Value, args: BoundArguments, budget: Budget, direction: 1 | -1 = 1): Value[] {
  const all = iterate(value, budget);
  const keys = attributes(value, args, budget).map((key) => foldCase(key, args));
  const order = all.map((_, index) => index);
  order.sort((a, b) => direction * orderOf(keys[a]!, keys[b]!, budget) || a - b);
  return order.map((index) => all[index]!);
}

/** Case counts only where it is asked for. */
function foldCase(key: Value, args: BoundArguments): Value {
  return typeof key === "string" && !isTrue(args.get("case_sensitive") ?? false) ? key.toLowerCase() : key;
}

function unique(value: Value, args: BoundArguments, budget: Budget): Value[] {
  const keys = attributes(value, args, budget).map((key) => foldCase(key, args));
  return iterate(value, budget).filter(
    (_, index) => keys.findIndex((key) => isEqual(key, keys[index]!, budget)) === index,
  );
}

function dictSorted(value: Value, args: BoundArguments, budget: Budget): Value {
  if (!(value instanceof Dict)) throw new TemplateFault(`dictsort: expected a dict, got ${typeName(value)}`);
  const by = (args.text("by") ?? "key") === "key" ? 0 : 1;
  const key = (entry: Value): Value => foldCase(itemsOf(entry)![by]!, args);
  const direction = isTrue(args.get("reverse") ?? false) ? -1 : 1;
  return dictItems(value).sort((a, b) => direction * orderOf(key(a), key(b), budget));
}

function items(value: Value): Value {
  if (value instanceof Undefined) return [];
  if (value instanceof Dict) return dictItems(value);
  throw new TemplateFault(`items: expected a dict, got ${typeName(value)}`);
}

function lengthOf(value: Value): number {
  if (typeof value === "string") return textLength(value);
  if (value instanceof Dict) return value.entries.size;
  if (value instanceof Undefined) return 0;
  const length = itemsOf(value)?.length;
  if (length === undefined)
    throw new TemplateFault(`length: expected a string, a list or a dict, got ${typeName(value)}`);
  return length;
}

function reversed(value: Value, budget: Budget): Value {
  if (typeof value === "string") return characters(value).toReversed().join("");
  return iterate(value, budget).toReversed();
}

function joined(value: Value, args: BoundArguments, budget: Budget): string {
  const separator = str(args.get("d") ?? "", budget);
  const texts = attributes(value, args, budget).map((item) => str(item, budget));
  budget.text(texts.reduce((sum, text) => sum + text.length + separator.length, 0));
  return texts.join(separator);
}

function fallback(value: Value, args: BoundArguments): Value {
  const isMissing = value instanceof Undefined || (isTrue(args.get("boolean") ?? false) && !isTrue(value));
  return isMissing ? orElse(args.get("default_value"), () => "") : value;
}

function json(value: Value, args: BoundArguments, budget: Budget): string {
  const indent = args.get("indent") ?? null;
  const width =
    indent === null || typeof indent === "string" ? indent : " ".repeat(Math.max(0, args.integer("indent")!));
  const separators = itemsOf(args.get("separators") ?? null)?.map((separator) => str(separator, budget));
  if (width !== null && width.length > 100) throw new TemplateFault("tojson: indent: expected at most 100");
  return toJson(
    value,
    {
      ...(width === null ? {} : { indent: width }),
      ...(separators === undefined ? {} : { separators: [separators[0] ?? ", ", separators[1] ?? ": "] as const }),
      ensureAscii: isTrue(args.get("ensure_ascii") ?? false),
      sortKeys: isTrue(args.get("sort_keys") ?? false),
    },
    budget,
  );
}

function indented(value: Value, args: BoundArguments, budget: Budget): string {
  const width = args.get("width") ?? 4;
  const size = typeof width === "string" ? width.length : Math.max(0, args.integer("width") ?? 4);
  const text = str(value, budget);
  budget.text(size);
  const prefix = typeof width === "string" ? width : " ".repeat(size);
  const lines = splitLines(`${text}\n`);
  budget.text(text.length + lines.length * size);
  const blank = isTrue(args.get("blank") ?? false);
  const result = lines.map((line, index) => (index === 0 || (line === "" && !blank) ? line : prefix + line)).join("\n");
  return isTrue(args.get("first") ?? false) ? prefix + result : result;
}

function toInteger(value: Value, args: BoundArguments, budget: Budget): Value {
  const missing = orElse(args.get("default"), () => 0);
  const base = args.integer("base") ?? 10;
  const number = numberOf(value);
  if (number !== undefined) return Number.isFinite(number) ? Math.trunc(number) : missing;
  if (typeof value !== "string") return value instanceof Undefined ? undefinedNumber(value) : missing;
  budget.touch(value.length);
  const text = strip(value).replaceAll("_", "");
  if (base !== 10) {
    const parsed = Number.parseInt(text, base);
    return Number.isSafeInteger(parsed) ? parsed : missing;
  }
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return missing;
  const parsed = Math.trunc(Number(text));
  if (!Number.isSafeInteger(parsed)) throw new TemplateFault("int: expected an integer below 2^53");
  return parsed + 0;
}

function toFloat(value: Value, args: BoundArguments): Value {
  const missing = orElse(args.get("default"), () => float(0));
  const number = numberOf(value);
  if (number !== undefined) return float(number);
  if (typeof value !== "string") return value instanceof Undefined ? undefinedNumber(value) : missing;
  const text = strip(value).replaceAll("_", "");
  return /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text) ? float(Number(text)) : missing;
}

function rounded(value: Value, args: BoundArguments): Value {
  const number = numberOf(value) ?? notNumber(value);
  const scale = 10 ** (args.integer("precision") ?? 0);
  const scaled = number * scale;
  const method = args.text("method") ?? "common";
  if (method === "ceil") return float(Math.ceil(scaled) / scale);
  if (method === "floor") return float(Math.floor(scaled) / scale);
  if (isInteger(value) && scale >= 1) return number;
  // Halves go to the even neighbour, as in Python.
  const down = Math.floor(scaled);
  const isUp = scaled - down > 0.5 || (scaled - down === 0.5 && down % 2 !== 0);
  return float((isUp ? down + 1 : down) / scale);
}

function titled(text: string): string {
  return text
    .split(/([-\s({[<]+)/)
    .map(capitalized)
    .join("");
}

function notNumber(value: Value): never {
  throw new TemplateFault(`expected a number, got ${typeName(value)}`);
}

function undefinedNumber({ what }: Undefined): never {
  throw new TemplateFault(`${what} is undefined`);
}
