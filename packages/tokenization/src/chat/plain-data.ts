import { MAX_DEPTH } from "./budget.ts";
import { TemplateFault } from "./template-error.ts";
import { Dict, type Value } from "./values.ts";

/** Makes values of JSON: of an object its own keys only. What JSON does not have (functions, dates, bytes) is refused by its place. */
export function fromPlainData(data: unknown, where: string, depth = 0): Value {
  if (data === null || typeof data === "string" || typeof data === "boolean") return data;
  if (typeof data === "number" && (!Number.isInteger(data) || Number.isSafeInteger(data))) return data;
  if (depth > MAX_DEPTH) throw new TemplateFault(`${where}: expected values nested at most ${MAX_DEPTH} deep`);
  if (Array.isArray(data)) return data.map((item, index) => fromPlainData(item, `${where}[${index}]`, depth + 1));
  if (typeof data === "object") {
    const prototype = Object.getPrototypeOf(data);
    if (prototype === null || Object.getPrototypeOf(prototype) === null) {
      const dict = new Dict();
      for (const [key, value] of Object.entries(data)) {
        if (value !== undefined) dict.set(key, fromPlainData(value, `${where}.${key}`, depth + 1));
      }
      return dict;
    }
  }
  throw new TemplateFault(`${where}: expected a value that JSON has, got ${typeof data}`);
}
