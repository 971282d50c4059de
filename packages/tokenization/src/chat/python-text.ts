/** Values as text, the way Python writes them. */
import type { Budget } from "./budget.ts";
import { TemplateFault } from "./template-error.ts";
import { Callable, Dict, Float, itemsOf, Namespace, Tuple, typeName, Undefined, type Value } from "./values.ts";

/** `str(value)` */
export function str(value: Value, budget: Budget): string {
  if (typeof value === "string") return value;
  if (value instanceof Undefined) return "";
  const parts: string[] = [];
  writeRepr(value, new TextSink(parts, budget), 0);
  return parts.join("");
}

/** Collects text and stops at the limit. */
export class TextSink {
  readonly #parts: string[];
  readonly #budget: Budget;
  #length = 0;

  constructor(parts: string[], budget: Budget) {
    this.#parts = parts;
    this.#budget = budget;
  }

  write(text: string): void {
    this.#length += text.length;
    this.#budget.text(this.#length > this.#budget.maxOutput ? this.#length : text.length);
    this.#parts.push(text);
  }

  enter(depth: number): void {
    this.#budget.depth(depth);
    this.#budget.step();
  }
}

function writeRepr(value: Value, out: TextSink, depth: number): void {
  out.enter(depth);
  const items = itemsOf(value);
  if (items !== undefined) {
    const isTuple = value instanceof Tuple;
    out.write(isTuple ? "(" : "[");
    items.forEach((item, index) => {
      if (index > 0) out.write(", ");
      writeRepr(item, out, depth + 1);
    });
    out.write(isTuple ? (items.length === 1 ? ",)" : ")") : "]");
  } else if (value instanceof Dict) {
    out.write("{");
    let first = true;
    for (const [key, item] of value.entries.values()) {
      if (!first) out.write(", ");
      first = false;
      writeRepr(key, out, depth + 1);
      out.write(": ");
      writeRepr(item, out, depth + 1);
    }
    out.write("}");
  } else if (typeof value === "string") {
    out.write(reprOf(value));
  } else if (value instanceof Callable || value instanceof Namespace) {
    throw new TemplateFault(`expected something that has a text, got ${typeName(value)}`);
  } else {
    out.write(scalarText(value));
  }
}

function scalarText(value: Value): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || value instanceof Float) return numberText(value);
  return "Undefined";
}

/** Integers in full, floats as `repr` writes them: an exponent below 1e-4 and from 1e16 on. */
export function numberText(value: number | Float): string {
  if (typeof value === "number" && Number.isInteger(value)) return String(value);
  const number = typeof value === "number" ? value : value.value;
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
  if (number === 0) return Object.is(number, -0) ? "-0.0" : "0.0";
  const size = Math.abs(number);
  if (size < 1e-4 || size >= 1e16) {
    const [digits, exponent] = number.toExponential().split("e") as [string, string];
    return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  const text = size < 1e-3 ? number.toFixed(20).replace(/0+$/, "") : String(number);
  return Number(text) === number ? (text.includes(".") ? text : `${text}.0`) : String(number);
}

const NOT_PRINTABLE = /[\p{C}\p{Z}\\]/gu;
const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", " ": " " };

/** `repr(text)` */
function reprOf(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(NOT_PRINTABLE, (character) => {
    const named = NAMED[character];
    if (named !== undefined) return named;
    const point = character.codePointAt(0)!;
    const hex = point.toString(16);
    return point < 0x100
      ? `\\x${hex.padStart(2, "0")}`
      : point < 0x10000
        ? `\\u${hex.padStart(4, "0")}`
        : `\\U${hex.padStart(8, "0")}`;
  });
  return `${quote}${quote === "'" ? escaped.replaceAll("'", "\\'") : escaped}${quote}`;
}
