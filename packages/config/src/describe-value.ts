import { formatOverrideValue } from "./override.ts";

/** A value in an error message or a table, as an override would write it, cut where it is long. */
export function describeValue(value: unknown): string {
  let text: string;
  if (typeof value === "string") text = JSON.stringify(value);
  else if (typeof value === "number") text = formatOverrideValue(value);
  else text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
