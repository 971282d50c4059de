import { readFileSync } from "node:fs";
import { compileSchema, type RecordSchema } from "./record-schema.ts";

/** The records of a run that have a published schema: `@codex/logging/schemas/<name>.schema.json`. */
export type SchemaName = "metric-record" | "event-record" | "run-manifest";

const compiled = new Map<SchemaName, RecordSchema>();

export function schemaOf(name: SchemaName): RecordSchema {
  let schema = compiled.get(name);
  if (schema === undefined) {
    const file = new URL(`../../schemas/${name}.schema.json`, import.meta.url);
    schema = compileSchema(JSON.parse(readFileSync(file, "utf8")) as object);
    compiled.set(name, schema);
  }
  return schema;
}
