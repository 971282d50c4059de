/**
 * @module Contract tests for plugin authors, for any test runner:
 *
 * ```ts
 * for (const { name, run } of pluginContract(packageDirectory)) test(name, run);
 * ```
 *
 * What an entry of one kind has to do (a model, a metric, a tokenizer) is tested by the package that owns the kind.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type PluginReport, readPlugin } from "./discover.ts";
import { isRecord } from "./installed-packages.ts";
import { loadEntryPoint } from "./plugins.ts";
import { assertEntry, type RegistryEntry } from "./registry.ts";

/** One test. `run` rejects with an error that says what was expected. */
export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}

/** How to make something from an entry twice and compare. */
export interface EntrySample {
  readonly options: unknown;
  /** Further arguments of `create`. */
  readonly context?: readonly unknown[];
  /** What two things made from equal arguments must agree on, as plain data. Also the place to dispose them. */
  observe(created: unknown): unknown;
}

/** Every entry point of a plugin package, built, as its users will load it. */
export function pluginContract(packageDirectory: string): ContractCase[] {
  return [
    {
      name: "package.json declares a plugin that loads, and every entry keeps the contract",
      async run() {
        const plugin = await readPlugin(packageDirectory);
        if (plugin.problem !== undefined) throw plugin.problem;
        ok(plugin.entryPoints.length > 0, `${plugin.directory}: expected at least one entry point`);
        for (const entryPoint of plugin.entryPoints) await checkEntryPoint(plugin, entryPoint);
      },
    },
  ];
}

/** One entry: its shape, its schema and, with a sample, its `create`. */
export function registryEntryContract(entry: RegistryEntry, sample?: EntrySample): ContractCase[] {
  const cases: ContractCase[] = [
    { name: "is { create, configSchema }", run: async () => assertEntry(entry, "entry") },
    { name: "configSchema is the JSON Schema of an object and nothing but JSON", run: async () => checkSchema(entry) },
    {
      name: "configSchema refuses unknown keys, at every depth",
      run: async () => checkClosed(schemaOf(entry), "options"),
    },
    { name: "every option has a description", run: async () => checkDescriptions(schemaOf(entry), "options") },
    { name: "defaults fit their own schema", run: async () => checkDefaults(schemaOf(entry), "options") },
  ];
  if (sample === undefined) return cases;
  return [
    ...cases,
    { name: "create gives the same from the same arguments", run: () => checkDeterminism(entry, sample) },
    { name: "create does not change its options", run: () => checkOptionsKept(entry, sample) },
  ];
}

async function checkEntryPoint(plugin: PluginReport, entryPoint: PluginReport["entryPoints"][number]): Promise<void> {
  const entry = await loadEntryPoint(plugin, entryPoint);
  for (const { run } of registryEntryContract(entry)) await run();
}

function schemaOf(entry: RegistryEntry): Record<string, unknown> {
  return entry.configSchema as Record<string, unknown>;
}

function checkSchema(entry: RegistryEntry): void {
  const schema = schemaOf(entry);
  strictEqual(schema["type"], "object", `configSchema.type: expected "object", got ${JSON.stringify(schema["type"])}`);
  ok(
    isRecord(schema["properties"]),
    "configSchema.properties: expected an object (an empty one if there are no options)",
  );
  deepStrictEqual(
    JSON.parse(JSON.stringify(schema)),
    plain(schema),
    "configSchema: expected JSON, it has other values",
  );
  for (const key of (schema["required"] ?? []) as string[]) {
    ok(Object.hasOwn(schema["properties"] as object, key), `configSchema.required: there is no property "${key}"`);
  }
}

/**
 * A deep copy of what JSON shows (TypeBox marks its schemas with keys that are not enumerable). Not `structuredClone`:
 * in Jest its objects have another `Object` than those of the test, and would not be equal to any.
 */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function checkClosed(schema: Record<string, unknown>, path: string): void {
  if (isRecord(schema["properties"])) {
    strictEqual(
      schema["additionalProperties"],
      false,
      `${path}: expected additionalProperties: false, so that typos are errors`,
    );
  }
  forEachProperty(schema, path, checkClosed);
}

function checkDescriptions(schema: Record<string, unknown>, path: string): void {
  forEachProperty(schema, path, (property, at) => {
    const { description } = property;
    ok(
      typeof description === "string" && description !== "",
      `${at}: expected a description, with the unit if there is one`,
    );
    checkDescriptions(property, at);
  });
}

function checkDefaults(schema: Record<string, unknown>, path: string): void {
  forEachProperty(schema, path, (property, at) => {
    if (property["default"] !== undefined) checkDefault(property, property["default"], at);
    checkDefaults(property, at);
  });
}

function checkDefault(schema: Record<string, unknown>, value: unknown, path: string): void {
  const shown = `${path}: default ${JSON.stringify(value)}`;
  const type = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  const types = [schema["type"] ?? type].flat();
  ok(
    types.includes(type) || (types.includes("integer") && Number.isInteger(value)),
    `${shown}: expected the type ${types.join(" or ")}`,
  );
  if (Array.isArray(schema["enum"]))
    ok(schema["enum"].includes(value), `${shown}: expected one of ${schema["enum"].join(", ")}`);
  if (typeof value !== "number") return;
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  ok(typeof minimum !== "number" || value >= minimum, `${shown}: expected at least ${minimum}`);
  ok(typeof maximum !== "number" || value <= maximum, `${shown}: expected at most ${maximum}`);
  ok(
    typeof exclusiveMinimum !== "number" || value > exclusiveMinimum,
    `${shown}: expected more than ${exclusiveMinimum}`,
  );
  ok(
    typeof exclusiveMaximum !== "number" || value < exclusiveMaximum,
    `${shown}: expected less than ${exclusiveMaximum}`,
  );
}

function forEachProperty(
  schema: Record<string, unknown>,
  path: string,
  visit: (property: Record<string, unknown>, path: string) => void,
): void {
  const { properties } = schema;
  if (!isRecord(properties)) return;
  for (const [key, property] of Object.entries(properties)) {
    if (isRecord(property)) visit(property, `${path}.${key}`);
  }
}

async function make(entry: RegistryEntry, options: unknown, sample: EntrySample): Promise<unknown> {
  const create = entry.create as (...args: unknown[]) => unknown;
  return create(options, ...(sample.context ?? []));
}

async function checkDeterminism(entry: RegistryEntry, sample: EntrySample): Promise<void> {
  const first = await sample.observe(await make(entry, plain(sample.options), sample));
  const second = await sample.observe(await make(entry, plain(sample.options), sample));
  deepStrictEqual(
    second,
    first,
    "create: expected the same from the same arguments; randomness comes from the seed it is given",
  );
}

async function checkOptionsKept(entry: RegistryEntry, sample: EntrySample): Promise<void> {
  const options = plain(sample.options);
  await sample.observe(await make(entry, options, sample));
  deepStrictEqual(options, sample.options, "create: expected its options unchanged");
}
