import { createRegistries, nearestName, type RegistryEntry, RegistryError } from "@codex/registry";

declare module "@codex/registry" {
  interface RegistryKinds {
    testWidgets: RegistryEntry<(options: { size: number }) => { area: number }>;
    testGadgets: RegistryEntry<() => string>;
  }
}

const square = { create: ({ size }: { size: number }) => ({ area: size * size }), configSchema: { type: "object" } };
const double = { create: ({ size }: { size: number }) => ({ area: 2 * size }), configSchema: { type: "object" } };

function widgets() {
  return createRegistries({ kinds: ["testWidgets", "testGadgets"] }).of("testWidgets");
}

function errorOf(action: () => unknown): RegistryError {
  try {
    action();
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
  throw new Error("expected a RegistryError");
}

test("an entry is found under its name in any case, and what it creates is typed", async () => {
  const registry = widgets();
  registry.register("Square", square, { source: "a" });
  const entry = await registry.resolve("sQUARE");
  expect(entry).toBe(square);
  expect(entry.create({ size: 3 }).area).toBe(9);
  expect([registry.has("SQUARE"), registry.has("circle")]).toEqual([true, false]);
});

test("names are listed in one order, whatever the order of registration", () => {
  const names = ["b", "A", "c-10", "C-2", "a.b"];
  const forward = widgets();
  const backward = widgets();
  for (const name of names) forward.register(name, square, { source: "s" });
  for (const name of [...names].reverse()) backward.register(name, square, { source: "s" });
  expect(forward.names()).toEqual(["A", "a.b", "b", "c-10", "C-2"]);
  expect(backward.names()).toEqual(forward.names());
  expect(forward.list()[0]).toEqual({ name: "A", source: "s" });
});

test("a second claim of a name, in any case, is an error that names both sources, and the first stays", async () => {
  const registry = widgets();
  registry.register("square", square, { source: "@acme/shapes@1.0.0" });
  const error = errorOf(() => registry.register("SQUARE", double, { source: "@other/shapes@2.0.0" }));
  expect(error.code).toBe("REGISTRY_DUPLICATE");
  expect(error.message).toBe(
    'testWidgets "SQUARE" of @other/shapes@2.0.0 is already registered as "square" by @acme/shapes@1.0.0',
  );
  expect(await registry.resolve("square")).toBe(square);
});

test("override takes the name", async () => {
  const registry = widgets();
  registry.register("square", square, { source: "first" });
  registry.register("Square", double, { source: "second", override: true });
  expect(await registry.resolve("square")).toBe(double);
  expect(registry.list()).toEqual([{ name: "Square", source: "second" }]);
});

test("an unknown name is an error that lists what there is and the nearest", async () => {
  const registry = widgets();
  for (const name of ["square", "circle"]) registry.register(name, square, { source: "s" });
  const error: unknown = await registry.resolve("sqaure").catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    name: "RegistryError",
    code: "REGISTRY_UNKNOWN_NAME",
    message: 'unknown name "sqaure" in testWidgets; there are: circle, square',
    help: 'Did you mean "square"?',
  });
  await expect(widgets().resolve("x")).rejects.toThrow('unknown name "x" in testWidgets; there are none');
});

test("an unknown kind is an error that lists the kinds", () => {
  const registries = createRegistries({ kinds: ["testWidgets", "testGadgets"] });
  expect(registries.kinds).toEqual(["testGadgets", "testWidgets"]);
  expect(errorOf(() => registries.byName("testWidget"))).toMatchObject({
    code: "REGISTRY_UNKNOWN_KIND",
    message: 'unknown kind "testWidget"; there are: testGadgets, testWidgets',
    help: 'Did you mean "testWidgets"?',
  });
});

test("a lazy entry is loaded by the first resolve and once", async () => {
  const registry = widgets();
  let loads = 0;
  const load = async () => {
    loads++;
    return square;
  };
  registry.registerLazy("square", load, { source: "s" });
  expect(registry.names()).toEqual(["square"]);
  expect(loads).toBe(0);
  expect(await Promise.all([registry.resolve("square"), registry.resolve("Square")])).toEqual([square, square]);
  expect(loads).toBe(1);
});

test.each(["", " a", "a b", "-a", ".a", "a/b", "__proto__x!", "a".repeat(129)])("the name %j is refused", (name) => {
  expect(errorOf(() => widgets().register(name, square, { source: "s" })).code).toBe("REGISTRY_NAME_INVALID");
});

test("names of Object.prototype are names like others", async () => {
  const registry = widgets();
  await expect(registry.resolve("constructor")).rejects.toMatchObject({ code: "REGISTRY_UNKNOWN_NAME" });
  registry.register("constructor", square, { source: "s" });
  expect(await registry.resolve("constructor")).toBe(square);
});

test.each([
  [undefined, "got undefined: create is undefined, not a function"],
  [{ create: 1, configSchema: {} }, "create is number, not a function"],
  [{ create: () => 1, configSchema: [] }, "configSchema is an array, not a JSON Schema object"],
  [() => 1, "got function"],
])("%j is no entry", (entry, reason) => {
  const error = errorOf(() => widgets().register("x", entry as never, { source: "s" }));
  expect(error.code).toBe("REGISTRY_ENTRY_INVALID");
  expect(error.message).toContain(reason);
});

test("registries share nothing", () => {
  widgets().register("square", square, { source: "s" });
  expect(widgets().names()).toEqual([]);
});

test.each([
  ["gtp2", "gpt2"],
  ["GPT2", "gpt2"],
  ["lama", "llama"],
  ["gpt", "gpt2"],
  ["transformer", undefined],
  ["", undefined],
])("the name nearest to %j is %j", (typed, expected) => {
  expect(nearestName(typed, ["gpt2", "llama", "bigram"])).toBe(expected);
});
