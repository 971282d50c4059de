import { describeValue } from "./describe-value.ts";
import { describePath } from "./node.ts";
import {
  asObject,
  constantOf,
  describeSchema,
  discriminatorOf,
  extraProperty,
  type JsonSchema,
  variantsOf,
} from "./schema.ts";

/** One row of the table: a key that can be set. */
export interface ConfigKeyDoc {
  /** Dotted path; `*` stands for a name of the user's, `[]` for the elements of a list. */
  readonly key: string;
  readonly type: string;
  readonly description: string;
  /** As in an error message; `undefined` where the key has to be given or may be left out. */
  readonly default: string | undefined;
  /** Whether it has to be given. */
  readonly required: boolean;
  /** The choice that the key belongs to, such as `optimizer.name=sgd`. */
  readonly when: string | undefined;
}

/** Every key of a schema, in its order. */
export function listConfigKeys(schema: object): ConfigKeyDoc[] {
  const rows: ConfigKeyDoc[] = [];

  const visit = (current: JsonSchema, path: readonly string[], required: boolean, when: string | undefined) => {
    const objects = variantsOf(current).flatMap((variant) => asObject(variant) ?? []);
    const isPlainObject = objects.length === variantsOf(current).length;
    if (path.length > 0 && !(isPlainObject && objects.some(hasKeys))) rows.push(row(current, path, required, when));
    const discriminator = objects.length > 1 ? discriminatorOf(objects) : undefined;
    if (discriminator !== undefined) {
      const choice = {
        ...objects[0]!.properties![discriminator],
        const: undefined,
        enum: objects.map((object) => constantOf(object, discriminator)),
      };
      const { const: _, ...withoutConst } = choice;
      rows.push(row(withoutConst, [...path, discriminator], true, when));
    }
    for (const object of objects) {
      const label =
        discriminator === undefined
          ? when
          : `${describePath([...path, discriminator])}=${String(constantOf(object, discriminator))}`;
      for (const [key, child] of Object.entries(object.properties ?? {})) {
        if (key !== discriminator) visit(child, [...path, key], (object.required ?? []).includes(key), label);
      }
      const extra = object.patternProperties === undefined ? undefined : extraProperty(object, "name");
      if (extra !== undefined) visit(extra, [...path, "*"], false, label);
    }
    if (current.type === "array" && current.items !== undefined && !Array.isArray(current.items)) {
      const items = current.items as JsonSchema;
      if (asObject(items) !== undefined) visit(items, [...path, "*"], false, when);
    }
  };

  visit(schema as JsonSchema, [], true, undefined);
  return rows;
}

/** A Markdown table of every key of a schema with its type, default and description (which names the unit). Ends with a newline. */
export function renderConfigDocs(schema: object): string {
  const lines = ["| Key | Type | Default | Description |", "|---|---|---|---|"];
  for (const doc of listConfigKeys(schema)) {
    const fallback = doc.default !== undefined ? code(doc.default) : doc.required ? "required" : "";
    const description = doc.when === undefined ? doc.description : `With ${code(doc.when)}. ${doc.description}`;
    lines.push(`| ${code(doc.key)} | ${cell(doc.type)} | ${fallback} | ${cell(description.trim())} |`);
  }
  return `${lines.join("\n")}\n`;
}

function hasKeys(schema: JsonSchema): boolean {
  return Object.keys(schema.properties ?? {}).length > 0 || schema.patternProperties !== undefined;
}

function row(schema: JsonSchema, path: readonly string[], required: boolean, when: string | undefined): ConfigKeyDoc {
  return {
    key: describePath(path),
    type: describeSchema(schema),
    description: schema.description ?? "",
    default: "default" in schema ? describeValue(schema.default) : undefined,
    required: required && !("default" in schema),
    when,
  };
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replace(/\s*\n\s*/g, " ");
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}
