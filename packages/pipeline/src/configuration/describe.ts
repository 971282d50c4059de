import { configJsonSchema, renderConfigDocs } from "@codex/config";
import { shippedSelection } from "./load.ts";
import { configurationSchemaFor } from "./schema.ts";

/** The JSON Schema of a configuration, with the options of what the shipped configuration chooses. */
export async function configurationSchema(directory: string = process.cwd()): Promise<Record<string, unknown>> {
  const { registries, selection } = await shippedSelection(directory);
  return configJsonSchema(await configurationSchemaFor(registries, selection), "Codex configuration");
}

/** A Markdown table of every key with type, unit and default. */
export async function configurationDocs(directory: string = process.cwd()): Promise<string> {
  const { registries, selection } = await shippedSelection(directory);
  return renderConfigDocs(await configurationSchemaFor(registries, selection));
}
