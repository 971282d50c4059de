import type { RegistryEntry } from "@codex/registry";
import { type ContractCase, pluginContract, registryEntryContract } from "@codex/registry/testing";
import { entryModule, pluginJson, temporaryFolder, writeFiles } from "./plugin-fixture.ts";

const size = { type: "integer", minimum: 1, default: 4, description: "Edge, in pixels." };
const closed = { type: "object", properties: { size }, required: ["size"], additionalProperties: false };
const good: RegistryEntry = { create: ({ size }: { size: number }) => ({ area: size ** 2 }), configSchema: closed };
const sample = { options: { size: 3 }, observe: (created: unknown) => created };

async function failures(cases: readonly ContractCase[]): Promise<string[]> {
  const messages: string[] = [];
  for (const { run } of cases) await run().catch((error: Error) => messages.push(error.message.split("\n")[0] ?? ""));
  return messages;
}

function withProperties(properties: object): RegistryEntry {
  return { ...good, configSchema: { type: "object", properties, additionalProperties: false } };
}

describe("a good entry", () => {
  for (const { name, run } of registryEntryContract(good, sample)) test(name, run);
});

test.each<[string, RegistryEntry, string]>([
  [
    "no object schema",
    { ...good, configSchema: { type: "string" } },
    'configSchema.type: expected "object", got "string"',
  ],
  [
    "no properties",
    { ...good, configSchema: { type: "object" } },
    "configSchema.properties: expected an object (an empty one if there are no options)",
  ],
  [
    "unknown keys let in",
    { ...good, configSchema: { ...closed, additionalProperties: true } },
    "options: expected additionalProperties: false, so that typos are errors",
  ],
  [
    "no description",
    withProperties({ size: { type: "integer" } }),
    "options.size: expected a description, with the unit if there is one",
  ],
  [
    "a default of another type",
    withProperties({ size: { ...size, default: "4" } }),
    'options.size: default "4": expected the type integer',
  ],
  [
    "a default out of range",
    withProperties({ size: { ...size, default: 0 } }),
    "options.size: default 0: expected at least 1",
  ],
  [
    "a default that is no choice",
    withProperties({ size: { enum: [1, 2], default: 3, description: "x" } }),
    "options.size: default 3: expected one of 1, 2",
  ],
  [
    "a function in the schema",
    withProperties({ size: { ...size, check: () => true } }),
    "configSchema: expected JSON, it has other values",
  ],
  [
    "a required key without property",
    { ...good, configSchema: { ...closed, required: ["edge"] } },
    'configSchema.required: there is no property "edge"',
  ],
])("fails for %s", async (_, entry, message) => {
  expect((await failures(registryEntryContract(entry)))[0]).toBe(message);
});

test("nested options are held to the same", async () => {
  const entry = withProperties({
    inner: { type: "object", description: "x", properties: { a: { type: "number", default: "b" } } },
  });
  expect(await failures(registryEntryContract(entry))).toEqual([
    "options.inner: expected additionalProperties: false, so that typos are errors",
    "options.inner.a: expected a description, with the unit if there is one",
    'options.inner.a: default "b": expected the type number',
  ]);
});

test("fails for a create that differs from call to call, or changes its options", async () => {
  let calls = 0;
  const counting = { ...good, create: () => ++calls };
  expect(await failures(registryEntryContract(counting, sample))).toEqual([
    expect.stringContaining("create: expected the same from the same arguments"),
  ]);
  const greedy = { ...good, create: (options: { size?: number }) => delete options.size };
  expect(await failures(registryEntryContract(greedy, sample))).toEqual([
    expect.stringContaining("create: expected its options unchanged"),
  ]);
});

test("a plugin package is tested as its users load it", async () => {
  const folder = writeFiles(temporaryFolder(), {
    "good/package.json": pluginJson("good", { good: "./index.js#good" }),
    "good/index.js": entryModule("good").replace("properties: {}", "properties: {}, additionalProperties: false"),
    "open/package.json": pluginJson("open", { open: "./index.js#open" }),
    "open/index.js": entryModule("open"),
    "none/package.json": pluginJson("none", {}),
    "old/package.json": pluginJson("old", {}, { codex: { apiVersion: "v0", entryPoints: {} } }),
    "absent/package.json": pluginJson("absent", { absent: "./index.js#absent" }),
  });
  const first = async (name: string) => (await failures(pluginContract(`${folder}/${name}`)))[0];
  expect(await first("good")).toBeUndefined();
  expect(await first("open")).toContain("options: expected additionalProperties: false");
  expect(await first("none")).toContain("expected at least one entry point");
  expect(await first("old")).toContain('expected "codex.apiVersion" to be "v1", got "v0"');
  expect(await first("absent")).toContain("there is no file ./index.js");
});
