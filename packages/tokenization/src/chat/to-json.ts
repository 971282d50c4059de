import type { Budget } from "./budget.ts";
import { numberText, TextSink } from "./python-text.ts";
import { TemplateFault } from "./template-error.ts";
import { Dict, Float, itemsOf, typeName, type Value } from "./values.ts";

export interface JsonOptions {
  /** Of one level, where lines are wanted. */
  readonly indent?: string;
  readonly separators?: readonly [item: string, key: string];
  readonly ensureAscii?: boolean;
  readonly sortKeys?: boolean;
}

/** `json.dumps(value, ensure_ascii=False)`, as transformers has it for templates. */
export function toJson(value: Value, options: JsonOptions, budget: Budget): string {
  const parts: string[] = [];
  write(value, options, new TextSink(parts, budget), 0);
  return parts.join("");
}

function write(value: Value, options: JsonOptions, out: TextSink, depth: number): void {
  out.enter(depth);
  const items = itemsOf(value);
  if (items !== undefined) {
    writeSeries("[", "]", items, options, out, depth, (item) => write(item, options, out, depth + 1));
  } else if (value instanceof Dict) {
    const entries = [...value.entries.values()].map(([key, item]) => [keyText(key), item] as const);
    if (options.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    writeSeries("{", "}", entries, options, out, depth, ([key, item]) => {
      out.write(quoted(key, options));
      out.write(options.separators?.[1] ?? ": ");
      write(item, options, out, depth + 1);
    });
  } else if (typeof value === "string") {
    out.write(quoted(value, options));
  } else {
    out.write(scalar(value));
  }
}

function writeSeries<Item>(
  open: string,
  close: string,
  items: readonly Item[],
  { indent, separators }: JsonOptions,
  out: TextSink,
  depth: number,
  writeItem: (item: Item) => void,
): void {
  out.write(open);
  items.forEach((item, index) => {
    if (index > 0) out.write(separators?.[0] ?? (indent === undefined ? ", " : ","));
    if (indent !== undefined) out.write(`\n${indent.repeat(depth + 1)}`);
    writeItem(item);
  });
  if (indent !== undefined && items.length > 0) out.write(`\n${indent.repeat(depth)}`);
  out.write(close);
}

function scalar(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" || value instanceof Float) {
    const text = numberText(value);
    return NOT_FINITE[text] ?? text;
  }
  throw new TemplateFault(`tojson: expected a value that JSON has, got ${typeName(value)}`);
}

const NOT_FINITE: Readonly<Record<string, string>> = { nan: "NaN", inf: "Infinity", "-inf": "-Infinity" };

function keyText(key: Value): string {
  return typeof key === "string" ? key : scalar(key);
}

function quoted(text: string, { ensureAscii }: JsonOptions): string {
  // Half a surrogate pair stays as it is, as in Python; JSON.stringify would write it as an escape.
  const json = text.replace(/["\\\p{Cc}]/gu, (character) => JSON.stringify(character).slice(1, -1));
  if (!ensureAscii) return `"${json}"`;
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `"${json.replace(/[\x7f-\uffff]/g, escaped)}"`;
}
