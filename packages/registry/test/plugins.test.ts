import { join } from "node:path";
import {
  checkPlugins,
  createRegistries,
  discoverPlugins,
  explainEntry,
  type PluginReport,
  pluginProblems,
  type Registries,
  registerPlugins,
} from "@codex/registry";
import { entryModule, link, pluginJson, temporaryFolder, writeFiles } from "./plugin-fixture.ts";

let project: string;
beforeEach(() => {
  project = temporaryFolder();
});

function dependOn(...names: string[]): object {
  return { name: "my-project", version: "0.0.1", dependencies: Object.fromEntries(names.map((name) => [name, "*"])) };
}

async function load(options: { roots?: string[] } = {}): Promise<{ registries: Registries; reports: PluginReport[] }> {
  const registries = createRegistries({ kinds: ["testWidgets", "testGadgets"] });
  const reports = registerPlugins(registries, await discoverPlugins({ projectDirectory: project, ...options }));
  return { registries, reports };
}

async function createdBy(registries: Registries, name: string): Promise<unknown> {
  return ((await registries.byName("testWidgets").resolve(name)).create as () => unknown)();
}

function codesOf(reports: readonly PluginReport[]): string[] {
  return pluginProblems(reports).map((problem) => problem.code);
}

test("a plugin among the dependencies is found and used", async () => {
  writeFiles(project, {
    "package.json": dependOn("@acme/widgets", "no-plugin", "not-installed"),
    "node_modules/@acme/widgets/package.json": pluginJson("@acme/widgets", { "my-widget": "./dist/index.js#myWidget" }),
    "node_modules/@acme/widgets/dist/index.js": entryModule("myWidget"),
    "node_modules/no-plugin/package.json": { name: "no-plugin" },
  });
  const { registries, reports } = await load();
  expect(reports).toEqual([
    {
      package: "@acme/widgets",
      version: "1.0.0",
      directory: join(project, "node_modules/@acme/widgets"),
      requestedBy: "my-project",
      entryPoints: [{ kind: "testWidgets", name: "my-widget", target: "./dist/index.js#myWidget" }],
    },
  ]);
  expect(registries.byName("testWidgets").list()).toEqual([{ name: "my-widget", source: "@acme/widgets@1.0.0" }]);
  expect(await createdBy(registries, "MY-Widget")).toBe("myWidget");
});

test("a plugin is found from a subfolder of the project, hoisted above it, and behind a symlink", async () => {
  writeFiles(project, {
    "store/linked/package.json": pluginJson("linked", { linked: "./index.js#linked" }),
    "store/linked/index.js": entryModule("linked"),
    "node_modules/hoisted/package.json": pluginJson("hoisted", { hoisted: "./index.js#hoisted" }),
    "node_modules/hoisted/index.js": entryModule("hoisted"),
    "apps/mine/package.json": dependOn("hoisted", "linked"),
    "apps/mine/src/deep/readme.txt": "",
  });
  link(join(project, "store/linked"), join(project, "apps/mine/node_modules/linked"));
  const reports = await discoverPlugins({ projectDirectory: join(project, "apps/mine/src/deep") });
  expect(reports.map((report) => report.directory)).toEqual([
    join(project, "node_modules/hoisted"),
    join(project, "store/linked"),
  ]);
});

test("dependencies for development count in the project, and not in a root", async () => {
  const plugin = (name: string) => ({
    [`node_modules/${name}/package.json`]: pluginJson(name, { [name]: `./index.js#${name}` }),
    [`node_modules/${name}/index.js`]: entryModule(name),
  });
  writeFiles(project, {
    "package.json": { devDependencies: { mine: "*" }, optionalDependencies: { maybe: "*" } },
    ...plugin("mine"),
    ...plugin("maybe"),
    "root/package.json": { name: "root", dependencies: { builtin: "*" }, devDependencies: { test: "*" } },
    ...plugin("builtin"),
    ...plugin("test"),
  });
  const reports = await discoverPlugins({ projectDirectory: project, roots: [join(project, "root")] });
  expect(reports.map((report) => [report.package, report.requestedBy])).toEqual([
    ["builtin", "root"],
    ["maybe", project],
    ["mine", project],
  ]);
});

test("the dependencies of a plugin are not looked at", async () => {
  writeFiles(project, {
    "package.json": dependOn("outer"),
    "node_modules/outer/package.json": pluginJson(
      "outer",
      { outer: "./index.js#outer" },
      { dependencies: { inner: "*" } },
    ),
    "node_modules/outer/index.js": entryModule("outer"),
    "node_modules/outer/node_modules/inner/package.json": pluginJson("inner", { inner: "./index.js#inner" }),
    "node_modules/inner/package.json": pluginJson("inner", { inner: "./index.js#inner" }),
  });
  const { registries } = await load();
  expect(registries.byName("testWidgets").names()).toEqual(["outer"]);
});

test("a folder with model weights is no project", async () => {
  writeFiles(project, {
    "package.json": dependOn("outer"),
    "node_modules/outer/package.json": pluginJson("outer", { outer: "./index.js#outer" }),
    "checkpoint/package.json": dependOn("evil"),
    "checkpoint/model.safetensors": "",
    "checkpoint/node_modules/evil/package.json": pluginJson("evil", { evil: "./index.js#evil" }),
  });
  const reports = await discoverPlugins({ projectDirectory: join(project, "checkpoint") });
  expect(reports.map((report) => report.package)).toEqual(["outer"]);
});

test("no code of a plugin runs before one of its names is resolved", async () => {
  const seen = globalThis as { codexRegistryTest?: string[] };
  seen.codexRegistryTest = [];
  const recording = (name: string) => `globalThis.codexRegistryTest.push("${name}");\n${entryModule(name)}`;
  writeFiles(project, {
    "package.json": dependOn("lazy"),
    "node_modules/lazy/package.json": pluginJson("lazy", { one: "./one.js#one", two: "./two.js#two" }),
    "node_modules/lazy/one.js": recording("one"),
    "node_modules/lazy/two.js": recording("two"),
  });
  const { registries } = await load();
  expect(registries.byName("testWidgets").names()).toEqual(["one", "two"]);
  expect(seen.codexRegistryTest).toEqual([]);
  await createdBy(registries, "one");
  expect(seen.codexRegistryTest).toEqual(["one"]);
});

describe("a target", () => {
  const exportsMap = {
    "./registry": { "@codex/source": "./src/registry.js", types: "./never.d.ts", default: "./dist/registry.js" },
    "./import-only": { require: "./never.cjs", import: { node: "./dist/registry.js" } },
    "./*": "./never/*.js",
  };

  test("that is a subpath of `exports` follows the conditions; the workspace's own counts when running from sources", async () => {
    writeFiles(project, {
      "package.json": dependOn("mapped"),
      "node_modules/mapped/package.json": pluginJson(
        "mapped",
        { source: "./registry#entry", built: "./import-only#entry", file: "./dist/registry.js#entry" },
        { exports: exportsMap },
      ),
      "node_modules/mapped/src/registry.js": entryModule("entry", "from the source"),
      "node_modules/mapped/dist/registry.js": entryModule("entry", "from the build"),
    });
    const { registries } = await load();
    expect(await createdBy(registries, "source")).toBe("from the source");
    expect(await createdBy(registries, "built")).toBe("from the build");
    expect(await createdBy(registries, "file")).toBe("from the build");
  });

  test.each([
    ["./index.js", "REGISTRY_TARGET_INVALID"],
    ["index.js#entry", "REGISTRY_TARGET_INVALID"],
    ["/etc/passwd#entry", "REGISTRY_TARGET_INVALID"],
    ["https://example.org/x.js#entry", "REGISTRY_TARGET_INVALID"],
    ["./../outside.js#entry", "REGISTRY_TARGET_INVALID"],
    ["./link/outside.js#entry", "REGISTRY_TARGET_INVALID"],
    ["./#entry", "REGISTRY_TARGET_INVALID"],
    ["./folder#entry", "REGISTRY_MODULE_MISSING"],
    ["./absent.js#entry", "REGISTRY_MODULE_MISSING"],
    ["./index.js#absent", "REGISTRY_EXPORT_MISSING"],
    ["./index.js#number", "REGISTRY_ENTRY_INVALID"],
    ["./throws.js#entry", "REGISTRY_MODULE_FAILED"],
    ["./syntax.js#entry", "REGISTRY_MODULE_FAILED"],
  ])("%s that cannot be used is reported as %s, and asking for it carries the cause", async (target, code) => {
    writeFiles(project, {
      "package.json": dependOn("bad", "good"),
      "node_modules/bad/package.json": pluginJson("bad", { bad: target }),
      "node_modules/bad/index.js": `${entryModule("entry")} export const number = 1;`,
      "node_modules/bad/folder/x.js": "",
      "node_modules/bad/throws.js": `throw new Error("no licence found");`,
      "node_modules/bad/syntax.js": "export const = 1;",
      "node_modules/outside.js": entryModule("entry"),
      "node_modules/good/package.json": pluginJson("good", { good: "./index.js#good" }),
      "node_modules/good/index.js": entryModule("good"),
    });
    link(join(project, "node_modules"), join(project, "node_modules/bad/link"));
    const { registries, reports } = await load();
    const checked = await checkPlugins(reports);
    expect(codesOf(checked)).toEqual([code]);
    expect(pluginProblems(checked)[0]?.message).toContain('testWidgets "bad" of bad@1.0.0');
    await expect(registries.byName("testWidgets").resolve("bad")).rejects.toMatchObject({
      code: "REGISTRY_PLUGIN_BROKEN",
      cause: { code },
    });
    expect(await createdBy(registries, "good")).toBe("good");
  });

  test("whose module throws keeps the thrown error as the cause, with its words in the message", async () => {
    writeFiles(project, {
      "package.json": dependOn("bad"),
      "node_modules/bad/package.json": pluginJson("bad", { bad: "./throws.js#entry" }),
      "node_modules/bad/throws.js": `throw new RangeError("no licence found");`,
    });
    const { registries } = await load();
    const error: unknown = await registries
      .byName("testWidgets")
      .resolve("bad")
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      message: expect.stringContaining("RangeError: no licence found"),
      help: expect.stringContaining("codex plugins check"),
      cause: { code: "REGISTRY_MODULE_FAILED", cause: { name: "RangeError", message: "no licence found" } },
    });
  });
});

describe("a manifest", () => {
  const entryPoints = { testWidgets: { bad: "./index.js#bad" } };

  test.each([
    [{ entryPoints }, "REGISTRY_API_VERSION", 'expected "codex.apiVersion" to be "v1", it is missing'],
    [{ apiVersion: "v2", entryPoints }, "REGISTRY_API_VERSION", 'expected "codex.apiVersion" to be "v1", got "v2"'],
    [{ apiVersion: 1, entryPoints }, "REGISTRY_API_VERSION", "got 1"],
    [{ apiVersion: "v1", entrypoints: {}, entryPoints }, "REGISTRY_MANIFEST_INVALID", 'got "entrypoints"'],
    [{ apiVersion: "v1" }, "REGISTRY_MANIFEST_INVALID", '"codex.entryPoints" must be an object'],
    [{ apiVersion: "v1", entryPoints: { testWidgets: [] } }, "REGISTRY_MANIFEST_INVALID", "testWidgets"],
    [{ apiVersion: "v1", entryPoints: { testWidgets: { bad: 7 } } }, "REGISTRY_MANIFEST_INVALID", "testWidgets.bad"],
    ["./plugin.js", "REGISTRY_MANIFEST_INVALID", '"codex" must be an object'],
    [null, "REGISTRY_MANIFEST_INVALID", '"codex" must be an object'],
  ])("%j is reported, and harms no other plugin", async (codex, code, message) => {
    writeFiles(project, {
      "package.json": dependOn("bad", "good"),
      "node_modules/bad/package.json": pluginJson("bad", {}, { codex }),
      "node_modules/bad/index.js": entryModule("bad"),
      "node_modules/good/package.json": pluginJson("good", { good: "./index.js#good" }),
      "node_modules/good/index.js": entryModule("good"),
    });
    const { registries, reports } = await load();
    expect(codesOf(await checkPlugins(reports))).toEqual([code]);
    expect(pluginProblems(reports)[0]?.message).toContain(message);
    expect(pluginProblems(reports)[0]?.message).toContain(join("node_modules", "bad", "package.json"));
    expect(await createdBy(registries, "good")).toBe("good");
  });

  test("of another API version: its names exist, and asking for one says why it cannot be used", async () => {
    writeFiles(project, {
      "package.json": dependOn("bad"),
      "node_modules/bad/package.json": pluginJson("bad", {}, { codex: { apiVersion: "v9", entryPoints } }),
    });
    const { registries } = await load();
    expect(registries.byName("testWidgets").names()).toEqual(["bad"]);
    await expect(registries.byName("testWidgets").resolve("bad")).rejects.toMatchObject({
      code: "REGISTRY_PLUGIN_BROKEN",
      message: expect.stringContaining('got "v9"'),
      cause: { code: "REGISTRY_API_VERSION" },
    });
  });

  test("with a kind or a name that cannot be: that entry point is reported, the others work", async () => {
    writeFiles(project, {
      "package.json": dependOn("mixed"),
      "node_modules/mixed/package.json": pluginJson(
        "mixed",
        {},
        {
          codex: {
            apiVersion: "v1",
            entryPoints: {
              testWidget: { typo: "./index.js#entry" },
              testWidgets: { "not a name": "./index.js#entry", fine: "./index.js#entry" },
            },
          },
        },
      ),
      "node_modules/mixed/index.js": entryModule("entry"),
    });
    const { registries, reports } = await load();
    expect(codesOf(await checkPlugins(reports))).toEqual(["REGISTRY_UNKNOWN_KIND", "REGISTRY_NAME_INVALID"]);
    expect(pluginProblems(reports)[0]).toMatchObject({
      message: expect.stringContaining('testWidget "typo" of mixed@1.0.0: unknown kind "testWidget"'),
      help: 'Did you mean "testWidgets"?',
    });
    expect(await createdBy(registries, "fine")).toBe("entry");
  });
});

test("two plugins that claim one name: the first keeps it, the second is reported with both sources", async () => {
  const plugin = (name: string) => ({
    [`node_modules/${name}/package.json`]: pluginJson(name, { same: "./index.js#entry", [name]: "./index.js#entry" }),
    [`node_modules/${name}/index.js`]: entryModule("entry", name),
  });
  writeFiles(project, { "package.json": dependOn("second", "first"), ...plugin("first"), ...plugin("second") });
  const { registries, reports } = await load();
  expect(await createdBy(registries, "same")).toBe("first");
  expect(await createdBy(registries, "second")).toBe("second");
  expect(pluginProblems(reports).map((problem) => problem.message)).toEqual([
    'testWidgets "same" of second@1.0.0 is already registered by first@1.0.0',
  ]);
});

test("a broken plugin takes no name from a working one, whatever the order", async () => {
  writeFiles(project, {
    "package.json": dependOn("a-broken", "b-working"),
    "node_modules/a-broken/package.json": pluginJson(
      "a-broken",
      {},
      {
        codex: { entryPoints: { testWidgets: { same: "./index.js#entry" } } },
      },
    ),
    "node_modules/b-working/package.json": pluginJson("b-working", { same: "./index.js#entry" }),
    "node_modules/b-working/index.js": entryModule("entry", "working"),
  });
  const { registries, reports } = await load();
  expect(await createdBy(registries, "same")).toBe("working");
  expect(codesOf(reports)).toEqual(["REGISTRY_API_VERSION"]);
});

test("one copy of a package is used: the same folder counts once, another version is reported", async () => {
  const plugin = (folder: string, version: string) => ({
    [`${folder}/package.json`]: pluginJson("shared", { shared: "./index.js#entry" }, { version }),
    [`${folder}/index.js`]: entryModule("entry", version),
  });
  writeFiles(project, {
    "package.json": dependOn("shared", "other"),
    "node_modules/other/package.json": { name: "other", version: "1.0.0", dependencies: { shared: "1" } },
    ...plugin("node_modules/shared", "2.0.0"),
  });
  const roots = [join(project, "node_modules/other")];
  expect((await load({ roots })).reports.map((report) => report.requestedBy)).toEqual(["other"]);

  writeFiles(project, plugin("node_modules/other/node_modules/shared", "1.0.0"));
  const { registries, reports } = await load({ roots });
  expect(await createdBy(registries, "shared")).toBe("1.0.0");
  expect(codesOf(reports)).toEqual(["REGISTRY_PACKAGE_SHADOWED"]);
  expect(pluginProblems(reports)[0]?.message).toContain(
    "version 2.0.0 of shared, asked for by my-project, is not used",
  );
});

test("without a package.json anywhere there are no plugins", async () => {
  const { registries, reports } = await load();
  expect(reports).toEqual([]);
  expect(registries.byName("testWidgets").names()).toEqual([]);
});

describe("explain", () => {
  const configSchema = {
    type: "object",
    description: "A widget.",
    properties: {
      size: { type: "integer", description: "Edge, in pixels." },
      colour: { enum: ["red", "blue"], default: "red" },
      edges: {
        type: "object",
        properties: { widths: { type: "array", items: { type: "number" } } },
        required: ["widths"],
      },
      mode: { anyOf: [{ const: "fast" }, { type: "null" }] },
    },
    required: ["size"],
  };

  test("tells who provides a name and what it takes", async () => {
    writeFiles(project, {
      "package.json": dependOn("widgets"),
      "node_modules/widgets/package.json": pluginJson("widgets", { Mine: "./index.js#mine" }),
      "node_modules/widgets/index.js": `export const mine = { create: () => 1, configSchema: ${JSON.stringify(configSchema)} };`,
    });
    const { registries, reports } = await load();
    const gadget = { create: () => "g", configSchema: { type: "object" } };
    registries.of("testGadgets").register("mine", gadget, { source: "my-script.ts" });
    expect(await explainEntry(registries, reports, "mine")).toEqual([
      { kind: "testGadgets", name: "mine", source: "my-script.ts", options: [], configSchema: { type: "object" } },
      {
        kind: "testWidgets",
        name: "Mine",
        source: "widgets@1.0.0",
        plugin: reports[0],
        target: "./index.js#mine",
        description: "A widget.",
        configSchema,
        options: [
          { path: "size", type: "integer", required: true, description: "Edge, in pixels." },
          { path: "colour", type: '"red" | "blue"', required: false, default: "red" },
          { path: "edges.widths", type: "number[]", required: true },
          { path: "mode", type: '"fast" | null', required: false },
        ],
      },
    ]);
    expect((await explainEntry(registries, reports, "mine", "testGadgets")).length).toBe(1);
  });

  test("tells why a broken one cannot be used, and what there is instead of an unknown one", async () => {
    writeFiles(project, {
      "package.json": dependOn("bad"),
      "node_modules/bad/package.json": pluginJson("bad", { bad: "./index.js#absent" }),
      "node_modules/bad/index.js": "",
    });
    const { registries, reports } = await load();
    expect(await explainEntry(registries, reports, "bad")).toMatchObject([
      {
        name: "bad",
        options: [],
        problem: { code: "REGISTRY_PLUGIN_BROKEN", cause: { code: "REGISTRY_EXPORT_MISSING" } },
      },
    ]);
    await expect(explainEntry(registries, reports, "bda")).rejects.toMatchObject({
      code: "REGISTRY_UNKNOWN_NAME",
      message: 'unknown name "bda" in all kinds; there are: bad',
    });
    await expect(explainEntry(registries, reports, "bad", "none")).rejects.toMatchObject({
      code: "REGISTRY_UNKNOWN_KIND",
    });
  });
});
