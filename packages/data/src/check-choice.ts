import { DataError } from "./errors.ts";

/**
 * For those who come without a configuration, which has been checked: a word that is none of the known ones.
 * @throws {DataError} `DATA_OPTIONS_INVALID`
 */
export function checkChoice(
  option: string,
  schema: { readonly anyOf: readonly { readonly const: string }[] },
  value: string,
): void {
  const known = schema.anyOf.map((choice) => choice.const);
  if (known.includes(value)) return;
  throw new DataError(
    "DATA_OPTIONS_INVALID",
    `${option}: expected one of ${known.join(", ")}, got ${JSON.stringify(value)}`,
  );
}
