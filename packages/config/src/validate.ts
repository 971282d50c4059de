import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { describeValue } from "./describe-value.ts";
import { type ConfigIssue, errorOfIssues } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { type ConfigPath, describePath, isForbiddenKey, MISSING } from "./node.ts";
import {
  asObject,
  constantOf,
  describeSchema,
  discriminatorOf,
  extraProperty,
  type JsonSchema,
  variantsOf,
} from "./schema.ts";

export interface ValidateOptions {
  /** Where the value at a dotted path was written; a `ComposedConfig` has it. */
  origin?(path: string): string | undefined;
}

/**
 * Checks a configuration against a TypeBox (or JSON) schema and fills in defaults. Nothing is converted: `"3"` is not a number. An
 * object that is required but absent is made from its own defaults. In a union of objects, a key with a constant in every variant
 * (`kind`, `name`) picks the variant, so that errors are about the one that was meant.
 *
 * @returns a new value, keys in the order of the schema
 * @throws {ConfigError} `CONFIG_VALIDATION_FAILED` with every error found: unknown keys, missing values (also `???`), wrong types
 */
export function validateConfig<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
  options: ValidateOptions = {},
): Static<Schema> {
  const walk = new Walk(schema as JsonSchema, options);
  const filled = walk.visit(schema as JsonSchema, value, []);
  // What the walk does not know (refinements, references to definitions) TypeBox does.
  if (walk.issues.length === 0 && !Value.Check(schema, filled)) {
    for (const error of Value.Errors(schema, filled)) {
      const path = error.instancePath
        .split("/")
        .slice(1)
        .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
      walk.report(path, `${error.message}, got ${describeValue(Value.Pointer.Get(filled, error.instancePath))}`);
    }
  }
  if (walk.issues.length > 0) throw errorOfIssues("CONFIG_VALIDATION_FAILED", "configuration", walk.issues);
  return filled as Static<Schema>;
}

class Walk {
  issues: ConfigIssue[] = [];
  readonly #root: JsonSchema;
  readonly #options: ValidateOptions;

  constructor(root: JsonSchema, options: ValidateOptions) {
    this.#root = root;
    this.#options = options;
  }

  report(path: ConfigPath, problem: string, details: Partial<ConfigIssue> = {}): void {
    const name = describePath(path);
    const origin = this.#options.origin?.(name);
    this.issues.push({
      path: name,
      message: `${name === "" ? "the configuration" : name}: ${problem}`,
      origin,
      ...details,
    });
  }

  /** @returns the value with defaults; what it is where there was an error does not matter */
  visit(schema: JsonSchema, value: unknown, path: ConfigPath): unknown {
    if (schema.$ref !== undefined || schema.$defs !== undefined) return value;
    if (value === undefined) return this.#absent(schema, path);
    if (value === MISSING) {
      this.report(path, `has to be given a value; expected ${describeSchema(schema)}`, {
        expected: describeSchema(schema),
        value,
      });
      return value;
    }
    const variants = variantsOf(schema);
    if (variants.length > 1) return this.#union(schema, variants, value, path);
    const object = asObject(variants[0]!);
    if (object !== undefined) return this.#object(object, value, path);
    if (schema.type === "array" && schema.items !== undefined && Array.isArray(value))
      return this.#array(schema, value, path);
    return this.#leaf(schema, value, path);
  }

  #absent(schema: JsonSchema, path: ConfigPath): unknown {
    if ("default" in schema) return this.visit(schema, structuredClone(schema.default), path);
    if (asObject(schema) !== undefined) return this.visit(schema, {}, path);
    this.report(path, `is missing; expected ${describeSchema(schema)}`, { expected: describeSchema(schema) });
    return undefined;
  }

  #leaf(schema: JsonSchema, value: unknown, path: ConfigPath): unknown {
    if (Value.Check(schema, value)) return value;
    const expected = describeSchema(schema);
    const options = (schema.enum ?? []).filter((option) => typeof option === "string");
    const meant = typeof value === "string" ? nearest(value, options) : undefined;
    const hint = meant === undefined ? quotedHint(schema, value) : `; did you mean ${meant}?`;
    this.report(path, `expected ${expected}, got ${describeValue(value)}${hint}`, { expected, value, nearest: meant });
    return value;
  }

  #array(schema: JsonSchema, value: readonly unknown[], path: ConfigPath): unknown {
    const { items } = schema;
    const itemAt = (index: number): JsonSchema | undefined =>
      Array.isArray(items) ? (items as readonly JsonSchema[])[index] : (items as JsonSchema);
    const before = this.issues.length;
    const filled = value.map((item, index) => {
      const child = itemAt(index);
      return child === undefined ? item : this.visit(child, item, [...path, String(index)]);
    });
    // The items have been told about one by one; what is left is the number of them.
    return this.issues.length > before ? filled : this.#leaf(schema, filled, path);
  }

  #object(schema: JsonSchema, value: unknown, path: ConfigPath): unknown {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.report(path, `expected a mapping, got ${describeValue(value)}`, { expected: "mapping", value });
      return value;
    }
    const given = new Map(Object.entries(value).filter(([, child]) => child !== undefined));
    const filled: Record<string, unknown> = {};
    const properties = schema.properties ?? {};
    for (const [key, child] of Object.entries(properties)) {
      const needed = given.has(key) || (schema.required ?? []).includes(key) || "default" in child;
      if (needed) filled[key] = this.visit(child, given.get(key), [...path, key]);
      given.delete(key);
    }
    for (const [key, child] of given) {
      const extra = isForbiddenKey(key) ? undefined : extraProperty(schema, key);
      if (extra === undefined) this.#unknown(key, child, Object.keys(properties), path);
      else filled[key] = this.visit(extra, child, [...path, key]);
    }
    return filled;
  }

  #unknown(key: string, value: unknown, known: readonly string[], path: ConfigPath): void {
    const sibling = nearest(key, known);
    const elsewhere = findKey(this.#root, key);
    const other = elsewhere === describePath([...path, key]) ? undefined : elsewhere; // a key of another variant stands right here
    const meant = sibling === undefined ? other : describePath([...path, sibling]);
    const hint = meant === undefined ? `; known there: ${known.join(", ") || "nothing"}` : `; did you mean ${meant}?`;
    this.report([...path, key], `unknown key (value ${describeValue(value)})${hint}`, { value, nearest: meant });
  }

  #union(schema: JsonSchema, variants: readonly JsonSchema[], value: unknown, path: ConfigPath): unknown {
    const candidates = variants.filter((variant) => shapeOf(variant) === shapeOfValue(value));
    if (shapeOfValue(value) === "object" && candidates.length > 1) {
      const key = discriminatorOf(candidates);
      if (key !== undefined) return this.#discriminated(candidates, key, value as Record<string, unknown>, path);
    }
    if (candidates.length === 0 || shapeOfValue(value) === "scalar")
      return this.#leaf(scalarChoice(schema, variants), value, path);
    return this.#closest(candidates, value, path);
  }

  #discriminated(
    variants: readonly JsonSchema[],
    key: string,
    value: Record<string, unknown>,
    path: ConfigPath,
  ): unknown {
    const usual = variants.find((variant) => variant.properties![key]!.default !== undefined);
    const given = value[key] ?? (usual === undefined ? undefined : constantOf(usual, key));
    const chosen = variants.find((variant) => constantOf(variant, key) === given);
    if (chosen !== undefined) return this.#object(chosen, { ...value, [key]: given }, path);
    const options = variants.map((variant) => constantOf(variant, key));
    this.visit({ enum: options }, given, [...path, key]);
    return value;
  }

  /** The first variant without errors, or the errors of the one with the fewest. */
  #closest(variants: readonly JsonSchema[], value: unknown, path: ConfigPath): unknown {
    const before = this.issues;
    let best: { issues: ConfigIssue[]; filled: unknown } | undefined;
    for (const variant of variants) {
      this.issues = [];
      const filled = this.visit(variant, value, path);
      if (best === undefined || this.issues.length < best.issues.length) best = { issues: this.issues, filled };
    }
    this.issues = [...before, ...best!.issues];
    return best!.filled;
  }
}

type Shape = "object" | "array" | "scalar";

function shapeOf(schema: JsonSchema): Shape {
  if (asObject(schema) !== undefined) return "object";
  return schema.type === "array" ? "array" : "scalar";
}

function shapeOfValue(value: unknown): Shape {
  if (Array.isArray(value)) return "array";
  return typeof value === "object" && value !== null ? "object" : "scalar";
}

/** A union of nothing but text constants is an enum, whose errors can name the nearest. */
function scalarChoice(schema: JsonSchema, variants: readonly JsonSchema[]): JsonSchema {
  return variants.every((variant) => typeof variant.const === "string")
    ? { enum: variants.map((variant) => variant.const) }
    : schema;
}

function quotedHint(schema: JsonSchema, value: unknown): string {
  if (typeof value !== "string" || value.trim() === "") return "";
  const wantsNumber = variantsOf(schema).some((variant) => variant.type === "number" || variant.type === "integer");
  const wantsBoolean = variantsOf(schema).some((variant) => variant.type === "boolean");
  const isText = (wantsNumber && !Number.isNaN(Number(value))) || (wantsBoolean && /^(?:true|false)$/i.test(value));
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shown to the user as it is.
  return isText ? "; it is a text: write it without quotes, or ${oc.decode:${oc.env:NAME}} for a variable" : "";
}

/** The path of the only key of this name anywhere in a schema: somebody put it in the wrong place. */
function findKey(root: JsonSchema, wanted: string): string | undefined {
  const found = new Set<string>();
  const visit = (schema: JsonSchema, path: ConfigPath, depth: number) => {
    if (depth > 8) return;
    for (const variant of variantsOf(schema)) {
      for (const [key, child] of Object.entries(asObject(variant)?.properties ?? {})) {
        if (nearest(wanted, [key]) === key && key.toLowerCase() === wanted.toLowerCase())
          found.add(describePath([...path, key]));
        visit(child, [...path, key], depth + 1);
      }
    }
  };
  visit(root, [], 0);
  return found.size === 1 ? [...found][0] : undefined;
}
