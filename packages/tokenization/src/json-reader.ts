/** Reads values out of JSON of unknown origin. `where` names the place: `tokenizer.json: model.vocab`. */
import { TokenizerError } from "./errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asObject(value: unknown, where: string): JsonObject {
  return isObject(value) ? value : invalid(where, "an object", value);
}

export function asArray(value: unknown, where: string): readonly unknown[] {
  return Array.isArray(value) ? value : invalid(where, "an array", value);
}

export function asString(value: unknown, where: string): string {
  return typeof value === "string" ? value : invalid(where, "a string", value);
}

/** A token id. */
export function asId(value: unknown, where: string): number {
  const ok = typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 26;
  return ok ? value : invalid(where, "an integer from 0 to 2^26 - 1", value);
}

/** A flag; absent and null are `missing`. */
export function asFlag(value: unknown, where: string, missing = false): boolean {
  if (value === undefined || value === null) return missing;
  return typeof value === "boolean" ? value : invalid(where, "true or false", value);
}

export function invalid(where: string, expected: string, value: unknown): never {
  const shown = JSON.stringify(value) ?? "nothing";
  throw new TokenizerError(
    "TOKENIZER_FILE_INVALID",
    `${where}: expected ${expected}, got ${shown.length > 80 ? `${shown.slice(0, 80)}...` : shown}`,
  );
}
