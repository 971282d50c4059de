import { Scalar, stringify } from "yaml";
import { GROUPED_NUMBER } from "./read-yaml.ts";

/**
 * A configuration as YAML that composes to the same value again: text that would read as something else is quoted, also for readers of YAML
 * 1.1 such as OmegaConf, and a literal `${` is escaped. Ends with a newline.
 *
 * `???` stays what it is, a value to be given. Keys whose value is `undefined` are left out. There is no comment in the output.
 *
 * @param config - plain data: strings, numbers, booleans, null, arrays and objects
 */
export function toYaml(config: object): string {
  return stringify(readable(config), {
    version: "1.2",
    schema: "core",
    compat: "yaml-1.1",
    customTags: (tags) => [...tags, GROUPED_NUMBER],
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}

/** The value with what would not read as itself written differently. */
function readable(value: unknown): unknown {
  // In front of ${ each backslash counts double, and one more makes the ${ plain.
  if (typeof value === "string")
    return value.replace(/(\\*)\$\{/g, (_, backslashes: string) => `${backslashes}${backslashes}\\\${`);
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    // As an integer it would be refused for being rounded.
    const scalar = new Scalar(value);
    scalar.format = "EXP";
    return scalar;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(readable);
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, readable(child)]));
}
