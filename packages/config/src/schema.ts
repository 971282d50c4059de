/** The keywords of JSON Schema that are read here; TypeBox schemas are JSON Schema. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly unevaluatedProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** The schemas of which a value matches one; the schema itself if it is no union. */
export function variantsOf(schema: JsonSchema): readonly JsonSchema[] {
  const variants = schema.anyOf ?? schema.oneOf;
  return variants === undefined ? [schema] : variants.flatMap(variantsOf);
}

/** An object schema with the properties of all parts of an intersection; `undefined` if the schema is not about objects. */
export function asObject(schema: JsonSchema): JsonSchema | undefined {
  if (schema.type === "object") return schema;
  const parts = schema.allOf?.map(asObject);
  if (parts === undefined || parts.some((part) => part === undefined)) return undefined;
  const all = [schema, ...(parts as JsonSchema[])];
  return {
    ...schema,
    type: "object",
    properties: Object.assign({}, ...all.map((part) => part.properties)),
    patternProperties: Object.assign({}, ...all.map((part) => part.patternProperties)),
    required: all.flatMap((part) => part.required ?? []),
    additionalProperties: !all.some(
      (part) => part.additionalProperties === false || part.unevaluatedProperties === false,
    ),
  };
}

/** The schema of a key that is not among `properties`; `undefined` if there may be no such key. */
export function extraProperty(schema: JsonSchema, key: string): JsonSchema | undefined {
  for (const [pattern, child] of Object.entries(schema.patternProperties ?? {})) {
    if (new RegExp(pattern, "u").test(key)) return child;
  }
  const extra = schema.additionalProperties;
  if (typeof extra === "object") return extra;
  // A record allows what its patterns allow; any other object is open unless it says otherwise.
  return extra === false || (extra === undefined && schema.patternProperties !== undefined) ? undefined : {};
}

/** The key whose constant tells the object variants of a union apart, such as `kind` or `name`. */
export function discriminatorOf(variants: readonly JsonSchema[]): string | undefined {
  const [first, ...others] = variants;
  return Object.keys(first?.properties ?? {}).find(
    (key) =>
      constantOf(first!, key) !== undefined &&
      others.length > 0 &&
      others.every((other) => constantOf(other, key) !== undefined),
  );
}

export function constantOf(variant: JsonSchema, key: string): unknown {
  return variant.properties?.[key]?.const;
}

/** What a value must be, in a few words: `integer >= 1`, `"a" | "b"`, `list of string`, `number or null`. */
export function describeSchema(schema: JsonSchema): string {
  const variants = variantsOf(schema);
  if (variants.length > 1) {
    const key = discriminatorOf(variants);
    if (key !== undefined) {
      const options = variants.map((variant) => JSON.stringify(constantOf(variant, key)));
      return `mapping with ${key} ${options.join(" | ")}`;
    }
    const words = [...new Set(variants.map(describeSchema))];
    return words.every((word) => word.startsWith('"')) ? words.join(" | ") : words.join(" or ");
  }
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return describeArray(schema);
  if (asObject(schema) !== undefined) return "mapping";
  if (schema.type === "boolean") return "true or false";
  if (schema.type === undefined) return "any value";
  return [schema.type, ...describeLimits(schema)].join(" ");
}

function describeArray(schema: JsonSchema): string {
  const count = [
    ...(schema.minItems === undefined ? [] : [`at least ${schema.minItems}`]),
    ...(schema.maxItems === undefined ? [] : [`at most ${schema.maxItems}`]),
  ].join(", ");
  if (Array.isArray(schema.items)) return `list [${schema.items.map(describeSchema).join(", ")}]`;
  const items = schema.items === undefined ? "any value" : describeSchema(schema.items as JsonSchema);
  return `list of ${items}${count === "" ? "" : ` (${count})`}`;
}

function describeLimits(schema: JsonSchema): string[] {
  const limits: string[] = [];
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    limits.push(`${schema.minimum} to ${schema.maximum}`);
  else if (schema.minimum !== undefined) limits.push(`>= ${schema.minimum}`);
  else if (schema.maximum !== undefined) limits.push(`<= ${schema.maximum}`);
  if (schema.exclusiveMinimum !== undefined) limits.push(`> ${schema.exclusiveMinimum}`);
  if (schema.exclusiveMaximum !== undefined) limits.push(`< ${schema.exclusiveMaximum}`);
  if (schema.multipleOf !== undefined) limits.push(`that is a multiple of ${schema.multipleOf}`);
  if (schema.minLength !== undefined)
    limits.push(schema.minLength === 1 ? "that is not empty" : `of at least ${schema.minLength} characters`);
  if (schema.maxLength !== undefined) limits.push(`of at most ${schema.maxLength} characters`);
  if (schema.pattern !== undefined) limits.push(`matching ${schema.pattern}`);
  if (schema.format !== undefined) limits.push(`in the format ${schema.format}`);
  return limits;
}
