type Schema = Record<string, unknown>;

/**
 * A schema as a JSON Schema document for editors: keys with a default, and objects that can be made from defaults, need not be
 * given, as in `validateConfig`.
 *
 * @param title - a heading that editors show
 */
export function configJsonSchema(schema: object, title?: string): Record<string, unknown> {
  // TypeBox's own markers are not enumerable, so a copy through JSON is plain JSON Schema.
  const plain = relax(JSON.parse(JSON.stringify(schema)) as Schema);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...(title === undefined ? {} : { title }),
    ...plain,
  };
}

const HOLD_A_SCHEMA = ["items", "additionalProperties", "unevaluatedProperties", "not", "additionalItems"];
const HOLD_A_LIST = ["anyOf", "oneOf", "allOf", "items"];
const HOLD_A_MAP = ["properties", "patternProperties", "$defs"];

function relax(schema: Schema): Schema {
  const relaxed: Schema = { ...schema };
  for (const key of HOLD_A_SCHEMA) if (isSchema(schema[key])) relaxed[key] = relax(schema[key]);
  for (const key of HOLD_A_LIST) if (Array.isArray(schema[key])) relaxed[key] = (schema[key] as Schema[]).map(relax);
  for (const key of HOLD_A_MAP) {
    if (isSchema(schema[key])) {
      relaxed[key] = Object.fromEntries(
        Object.entries(schema[key]).map(([name, child]) => [name, relax(child as Schema)]),
      );
    }
  }
  if (Array.isArray(relaxed["items"])) {
    // TypeBox writes a tuple as draft 7 does.
    relaxed["prefixItems"] = relaxed["items"];
    relaxed["items"] = relaxed["additionalItems"] ?? true;
    delete relaxed["additionalItems"];
  }
  if (Array.isArray(relaxed["required"])) {
    const properties = (relaxed["properties"] ?? {}) as Record<string, unknown>;
    const needed = (relaxed["required"] as string[]).filter((key) => !canBeOmitted(properties[key]));
    if (needed.length === 0) delete relaxed["required"];
    else relaxed["required"] = needed;
  }
  return relaxed;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Children are relaxed first, so a `required` that is still there names something that must be given. */
function canBeOmitted(schema: unknown): boolean {
  return isSchema(schema) && ("default" in schema || (schema["type"] === "object" && !("required" in schema)));
}
