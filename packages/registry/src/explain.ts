import type { PluginReport } from "./discover.ts";
import { RegistryError } from "./errors.ts";
import { isRecord } from "./installed-packages.ts";
import { type Registries, type RegistryEntry, unknownName } from "./registry.ts";

/** One key of an entry's options. */
export interface OptionExplanation {
  /** `betas`, or `ropeParameters.factor` for a key of a nested object. */
  readonly path: string;
  /** `number`, `string[]`, `"linear" | "cosine"`. */
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description?: string;
}

/** All that is known of one registered name. */
export interface EntryExplanation {
  readonly kind: string;
  readonly name: string;
  readonly source: string;
  /** Absent for an entry that code registered. */
  readonly plugin?: PluginReport;
  readonly target?: string;
  readonly description?: string;
  readonly options: readonly OptionExplanation[];
  readonly configSchema?: object;
  /** Why it cannot be used; the options are unknown then. */
  readonly problem?: RegistryError;
}

/**
 * Explains a name: who provides it, what it takes. Loads the entry to read its schema.
 *
 * @param reports - those that were registered, to tell the package and the target; may be empty
 * @param kind - where to look; every kind when absent, as one name may stand for a model and a metric
 * @returns one explanation per kind that has the name, in the order of the kinds
 * @throws {RegistryError} `REGISTRY_UNKNOWN_NAME`, `REGISTRY_UNKNOWN_KIND`
 */
export async function explainEntry(
  registries: Registries,
  reports: readonly PluginReport[],
  name: string,
  kind?: string,
): Promise<EntryExplanation[]> {
  const candidates = kind === undefined ? registries.kinds.map(registries.byName) : [registries.byName(kind)];
  const matches = candidates.filter((registry) => registry.has(name));
  if (matches.length === 0) {
    const known = [...new Set(candidates.flatMap((registry) => registry.names()))].sort();
    throw unknownName(kind ?? "all kinds", name, known);
  }
  return Promise.all(
    matches.map(async (registry) => {
      const registered = registry.list().find((entry) => entry.name.toLowerCase() === name.toLowerCase())!;
      const origin = findOrigin(reports, registry.kind, registered);
      const explanation = { kind: registry.kind, ...registered, ...origin };
      try {
        const { configSchema } = await registry.resolve(name);
        return { ...explanation, ...describeSchema(configSchema) };
      } catch (problem) {
        if (!(problem instanceof RegistryError)) throw problem;
        return { ...explanation, options: [], problem };
      }
    }),
  );
}

/** The keys that a schema describes, flat. Also good for a table of all keys in documentation. */
export function describeOptions(schema: object): OptionExplanation[] {
  return [...optionsOf(schema as JsonSchema, "")];
}

interface JsonSchema {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
}

function describeSchema(configSchema: RegistryEntry["configSchema"]) {
  const { description } = configSchema as JsonSchema;
  return {
    configSchema,
    options: describeOptions(configSchema),
    ...(description === undefined ? {} : { description }),
  };
}

function findOrigin(
  reports: readonly PluginReport[],
  kind: string,
  { name, source }: { name: string; source: string },
) {
  for (const plugin of reports) {
    if (`${plugin.package}@${plugin.version}` !== source) continue;
    const entryPoint = plugin.entryPoints.find((candidate) => candidate.kind === kind && candidate.name === name);
    if (entryPoint !== undefined) return { plugin, target: entryPoint.target };
  }
  return {};
}

function* optionsOf(schema: JsonSchema, prefix: string): Generator<OptionExplanation> {
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const path = `${prefix}${key}`;
    if (isRecord(property.properties)) {
      yield* optionsOf(property, `${path}.`);
      continue;
    }
    yield {
      path,
      type: typeOf(property),
      required: schema.required?.includes(key) === true && property.default === undefined,
      ...(property.default === undefined ? {} : { default: property.default }),
      ...(property.description === undefined ? {} : { description: property.description }),
    };
  }
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return alternatives.map(typeOf).join(" | ");
  if (schema.type === "array" && schema.items !== undefined && !Array.isArray(schema.items)) {
    const item = typeOf(schema.items);
    return item.includes(" ") ? `(${item})[]` : `${item}[]`;
  }
  return schema.type === undefined ? "any" : [schema.type].flat().join(" | ");
}
