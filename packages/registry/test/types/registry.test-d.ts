import { createRegistries, type EntryOf, type Registry, type RegistryEntry } from "@codex/registry";
import { expectTypeOf } from "expect-type";

declare module "@codex/registry" {
  interface RegistryKinds {
    typeTests: RegistryEntry<(options: { size: number }, context: { seed: number }) => string>;
  }
}

const registries = createRegistries({ kinds: ["typeTests"] });
const registry = registries.of("typeTests");
expectTypeOf(registry).toEqualTypeOf<Registry<EntryOf<"typeTests">>>();

const entry = await registry.resolve("x");
expectTypeOf(entry.create({ size: 1 }, { seed: 1 })).toEqualTypeOf<string>();

// @ts-expect-error: a kind that nobody declared
registries.of("nothing");
// @ts-expect-error: a create that gives something else
registry.register("x", { create: () => 1, configSchema: {} }, { source: "s" });
// @ts-expect-error: an entry without a schema
registry.register("x", { create: () => "x" }, { source: "s" });
// @ts-expect-error: without saying where it comes from
registry.register("x", { create: () => "x", configSchema: {} }, {});
