/** Attributes, items and slices: what stands behind `.` and in `[]`. */
import type { Budget } from "./budget.ts";
import { methodOf } from "./methods.ts";
import { refuseUndefined } from "./operators.ts";
import { TemplateFault } from "./template-error.ts";
import {
  characters,
  Dict,
  isInteger,
  itemsOf,
  Namespace,
  numberOf,
  orElse,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** `object.name`: a method first, then a key, as in Jinja. */
export function getAttribute(object: Value, name: string, budget: Budget): Value {
  refuseUndefined(object);
  if (object instanceof Namespace) return orElse(object.attributes.get(name), () => missing(object, name));
  if (/^__.*__$/.test(name)) return missing(object, name);
  return methodOf(object, name, budget) ?? orElse(lookUp(object, name, budget), () => missing(object, name));
}

/** `object[key]`: a key first, then a method. */
export function getItem(object: Value, key: Value, budget: Budget): Value {
  refuseUndefined(object);
  const found = lookUp(object, key, budget);
  if (found !== undefined) return found;
  if (typeof key !== "string") return missing(object, key);
  return methodOf(object, key, budget) ?? missing(object, key);
}

function lookUp(object: Value, key: Value, budget: Budget): Value | undefined {
  if (object instanceof Dict) {
    return typeof key === "string" || key === null || numberOf(key) !== undefined ? object.get(key) : undefined;
  }
  if (!isInteger(key)) return undefined;
  const index = numberOf(key)!;
  if (typeof object === "string") {
    budget.touch(object.length);
    return characters(object).at(index);
  }
  return itemsOf(object)?.at(index);
}

function missing(object: Value, key: Value): Undefined {
  return new Undefined(`${typeof key === "string" ? JSON.stringify(key) : "an item"} of ${typeName(object)}`);
}

/** `object[start:stop:step]` */
export function slice(object: Value, bounds: readonly (Value | undefined)[], budget: Budget): Value {
  refuseUndefined(object);
  const items = typeof object === "string" ? characters(object) : itemsOf(object);
  if (items === undefined) throw new TemplateFault(`[:]: expected a string or a list, got ${typeName(object)}`);
  budget.touch(items.length);
  const [start, stop, step] = bounds.map((bound) => {
    if (bound === undefined || bound === null) return undefined;
    if (!isInteger(bound)) throw new TemplateFault(`[:]: expected integers, got ${typeName(bound)}`);
    return numberOf(bound);
  });
  const picked = pick(items, start, stop, step ?? 1);
  if (typeof object === "string") return picked.join("");
  return object instanceof Tuple ? new Tuple(picked) : picked;
}

function pick<Item>(items: readonly Item[], start: number | undefined, stop: number | undefined, step: number): Item[] {
  if (step === 0) throw new TemplateFault("[:]: expected a step other than zero");
  const { length } = items;
  const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (index: number): number => Math.min(Math.max(index < 0 ? index + length : index, lowest), highest);
  const from = start === undefined ? (step > 0 ? lowest : highest) : clamp(start);
  const to = stop === undefined ? (step > 0 ? highest : lowest) : clamp(stop);
  const picked: Item[] = [];
  for (let index = from; step > 0 ? index < to : index > to; index += step) picked.push(items[index]!);
  return picked;
}
