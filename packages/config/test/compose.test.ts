// biome-ignore-all lint/suspicious/noTemplateCurlyInString: interpolations of configurations, not of TypeScript.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type ComposeOptions, ConfigError, composeConfig } from "@codex/config";
import fc from "fast-check";

fc.configureGlobal({ seed: 20250101 });

const fixtures = fileURLToPath(new URL("fixtures", import.meta.url));
const shipped = join(fixtures, "shipped");
const user = join(fixtures, "user");

const compose = (config: string, options: Partial<ComposeOptions> = {}) =>
  composeConfig({ config, searchPath: [shipped], environment: {}, ...options });

/** The origin without the folder that the tests lie in. */
const place = (origin: string | undefined) => origin?.replace(fixtures + sep, "");

const BASE = {
  model: { name: "tiny", hiddenSize: 64, numHiddenLayers: 2 },
  data: { path: "???", validation: 0.1 },
  training: { maxSteps: 100, learningRate: 0.001, evaluateEverySteps: 100 },
  seed: 42,
  outputDirectory: "runs/default",
};

describe("the main config", () => {
  test("by name", () => {
    const config = compose("config");
    expect(config.value).toEqual(BASE);
    expect(config.choices).toEqual({ model: "base", data: "text", training: "base" });
    expect(config.missing).toEqual(["data.path"]);
    expect(config.files.map((file) => relative(shipped, file)).sort()).toEqual(
      ["config.yaml", "data/text.yaml", "model/base.yaml", "training/base.yaml"].map((name) => name.replace("/", sep)),
    );
  });

  test("by path, in a folder of the search path", () => {
    expect(compose(join(shipped, "config.yaml")).value).toEqual(BASE);
    const recipe = compose(join(shipped, "recipes", "small.yaml"));
    expect(recipe.value).toMatchObject({
      model: { name: "gpt2" },
      training: { maxSteps: 7, evaluateEverySteps: 7 },
      seed: 42,
    });
    expect(recipe.overrides).toEqual([]);
    expect(compose("recipes/small").value).toEqual(recipe.value);
    expect(compose("recipes/small.yaml").value).toEqual(recipe.value);
  });

  test("inside a group stands for the root config with that option", () => {
    for (const config of [join(shipped, "training", "long.yaml"), "training/long"]) {
      const composed = compose(config, { overrides: ["seed=1"] });
      expect(composed.value).toEqual({
        ...BASE,
        training: { maxSteps: 1_000_000, learningRate: 0.001, evaluateEverySteps: 1_000_000 },
        seed: 1,
      });
      expect(composed.overrides).toEqual(["training=long", "seed=1"]);
    }
    expect(compose("training/base", { overrides: ["training=long"] }).choices).toMatchObject({ training: "long" });
  });

  test("inside a group is the file that was named, though another folder comes first", () => {
    const searchPath = [user, shipped];
    expect(compose("model/base", { searchPath }).value).toMatchObject({ model: { name: "user-base" }, seed: 42 });
    expect(compose(join(shipped, "model", "base.yaml"), { searchPath }).value).toMatchObject({
      model: { name: "tiny" },
    });
  });

  test("outside the search path brings its own folder, in front of the others", () => {
    const folder = mkdtempSync(join(tmpdir(), "codex-config-"));
    try {
      mkdirSync(join(folder, "model"));
      writeFileSync(join(folder, "model", "own.yaml"), "name: own\n");
      writeFileSync(join(folder, "main.yaml"), "defaults:\n  - config\n  - override model: own\n  - _self_\nseed: 7\n");
      const composed = compose(join(folder, "main.yaml"));
      expect(composed.value).toEqual({ ...BASE, model: { name: "own" }, seed: 7 });
      expect(composed.origin("seed")).toBe(`${join(folder, "main.yaml")}:5:1`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("that does not exist is an error that says where it was looked for, and what is near", () => {
    expect(() => compose("confg")).toThrow(
      expect.objectContaining({
        code: "CONFIG_NOT_FOUND",
        help: "Did you mean config?",
        message: expect.stringContaining(shipped),
      }),
    );
    expect(() => compose("nowhere/at-all.yaml")).toThrow(expect.objectContaining({ code: "CONFIG_NOT_FOUND" }));
    expect(() => compose("config", { searchPath: [join(fixtures, "absent")] })).toThrow(
      expect.objectContaining({ code: "CONFIG_NOT_FOUND", message: expect.stringContaining("absent") }),
    );
  });

  test("of another ending is refused", () => {
    expect(() => compose(fileURLToPath(import.meta.url))).toThrow(/ends in \.yaml/);
  });

  test("under another name than config", () => {
    const folder = mkdtempSync(join(tmpdir(), "codex-config-"));
    try {
      mkdirSync(join(folder, "m"));
      writeFileSync(join(folder, "m", "a.yaml"), "x: 1\n");
      writeFileSync(join(folder, "main.yaml"), "defaults:\n  - m: b\ny: 2\n");
      const composed = composeConfig({ config: "m/a", searchPath: [folder], rootConfig: "main" });
      expect(composed.value).toEqual({ m: { x: 1 }, y: 2 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("origins", () => {
  const composed = compose("config", {
    overrides: ["model=gpt2", "training.maxSteps=5", "+notes=[a,b]", "+copy=${model}"],
    environment: { CODEX_OUTPUT_DIR: "elsewhere" },
  });

  test.each([
    ["seed", `shipped${sep}config.yaml:8:1`],
    ["model.hiddenSize", `shipped${sep}model${sep}gpt2.yaml:4:1`],
    ["outputDirectory", `shipped${sep}config.yaml:9:1`],
    ["training.maxSteps", "override training.maxSteps=5"],
    ["training.evaluateEverySteps", `shipped${sep}training${sep}base.yaml:3:1`],
    ["notes.1", "override +notes=[a,b]"],
    ["copy.name", "override +copy=${model}"],
    ["nope", undefined],
    ["seed.below", undefined],
    ["seed[", undefined],
  ])("%s: %s", (path, expected) => {
    expect(place(composed.origin(path))).toBe(expected);
  });

  test("the environment is that of the process unless one is given", () => {
    process.env["CODEX_CONFIG_TEST"] = "set";
    try {
      const { value } = composeConfig({
        config: "config",
        searchPath: [shipped],
        overrides: ["seed=${oc.env:CODEX_CONFIG_TEST}"],
      });
      expect(value["seed"]).toBe("set");
    } finally {
      delete process.env["CODEX_CONFIG_TEST"];
    }
  });

  test("the environment is the one given", () => {
    expect(composed.value["outputDirectory"]).toBe("elsewhere");
  });
});

describe("errors help", () => {
  test.each([
    [
      "an unknown key",
      ["training.maxStep=1"],
      "CONFIG_OVERRIDE_INVALID",
      /training\.maxStep does not exist; known there: maxSteps, learn/,
      /Did you mean training\.maxSteps\?.*\+training\.maxStep=1/,
    ],
    [
      "a group that is misspelt",
      ["modle=gpt2"],
      "CONFIG_OVERRIDE_INVALID",
      /modle does not exist/,
      /Did you mean model\?/,
    ],
    [
      "an unknown option",
      ["model=gtp2"],
      "CONFIG_NOT_FOUND",
      /config: expected model\/gtp2\.yaml in/,
      /Did you mean model\/gpt2\? There is: base, gpt2/,
    ],
    [
      "a group nobody chooses",
      ["recipes=small"],
      "CONFIG_OVERRIDE_INVALID",
      /recipes=small: no element/,
      /\+recipes=small/,
    ],
    [
      "a deletion of what is not chosen",
      ["~model=gpt2"],
      "CONFIG_OVERRIDE_INVALID",
      /~model=gpt2/,
      /Chosen: .*model=base/,
    ],
    ["an addition of what is there", ["+seed=1"], "CONFIG_OVERRIDE_INVALID", /seed is already there/, /seed=1/],
    ["a sweep", ["seed=1,2"], "CONFIG_OVERRIDE_INVALID", /sweep/, /key=\[a,b\]/],
    ["a function", ["seed=range(1,5)"], "CONFIG_OVERRIDE_INVALID", /range\(\.\.\.\)/, /Sweeps/],
    ["no equals sign", ["seed"], "CONFIG_OVERRIDE_INVALID", /expected key=value/, undefined],
    ["an integer that would be rounded", ["seed=9007199254740993"], "CONFIG_OVERRIDE_INVALID", /2\^53-1/, undefined],
    [
      "an option outside the folders",
      ["model=../../secret"],
      "CONFIG_NOT_FOUND",
      /inside the configuration folders/,
      undefined,
    ],
    ["a circular include", ["+recipes=small"], "CONFIG_DEFAULTS_INVALID", /includes itself/, undefined],
  ] as const)("%s", (_, overrides, code, message, help) => {
    let error: unknown;
    try {
      compose("config", { overrides });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    if (help !== undefined) expect((error as ConfigError).help).toMatch(help);
  });

  test("every interpolation that fails is reported, with its place", () => {
    let error: unknown;
    try {
      compose("config", {
        overrides: ["model.name=${model.hidenSize}", "seed=${oc.env:ABSENT}", "training.maxSteps=${.nope}"],
      });
    } catch (thrown) {
      error = thrown;
    }
    const { issues } = error as ConfigError;
    expect(issues.map((issue) => [issue.path, place(issue.origin)])).toEqual([
      ["model.name", "override model.name=${model.hidenSize}"],
      ["training.maxSteps", "override training.maxSteps=${.nope}"],
      ["training.evaluateEverySteps", `shipped${sep}training${sep}base.yaml:3:1`],
      ["seed", "override seed=${oc.env:ABSENT}"],
    ]);
    expect(issues[0]!.message).toMatch(/did you mean model\.hiddenSize\?/);
  });
});

describe("without struct mode", () => {
  const open = (...overrides: string[]) => compose("config", { overrides, struct: false });

  test("a plain override may set what no file has, and its origin is the override", () => {
    const composed = open("training.clip=1.5", "a.b.c=x", "model={depth: 3}", "seed=1");
    expect(composed.value).toMatchObject({
      training: { ...BASE.training, clip: 1.5 },
      a: { b: { c: "x" } },
      model: { ...BASE.model, depth: 3 },
      seed: 1,
    });
    expect(composed.origin("training.clip")).toBe("override training.clip=1.5");
  });

  test("groups, additions and deletions keep their rules", () => {
    expect(() => open("model=gtp2")).toThrow(expect.objectContaining({ code: "CONFIG_NOT_FOUND" }));
    expect(() => open("+seed=1")).toThrow(/already there/);
    expect(() => open("~nope")).toThrow(/does not exist/);
    expect(() => open("+list=[1]", "list.4=2")).toThrow(/expected a place from 0 to 0/);
  });
});

describe("composition, as properties", () => {
  const key = fc.constantFrom("a", "b", "c", "d");
  const { tree } = fc.letrec((tie) => ({
    tree: fc.dictionary(
      key,
      fc.oneof({ depthSize: "small" }, fc.integer(), fc.constant(null), fc.array(fc.integer()), tie("tree")),
      { maxKeys: 4 },
    ),
  }));

  /** The specification in five lines: later wins, mappings merge. */
  const merge = (target: unknown, source: unknown): unknown => {
    const isMapping = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isMapping(target) || !isMapping(source)) return source;
    const merged: Record<string, unknown> = { ...(target as object) };
    for (const [name, value] of Object.entries(source as object))
      merged[name] = name in merged ? merge(merged[name], value) : value;
    return merged;
  };

  test("options are merged in the order of the list, with _self_ where it stands", () => {
    const folder = mkdtempSync(join(tmpdir(), "codex-config-"));
    mkdirSync(join(folder, "g"));
    try {
      fc.assert(
        fc.property(fc.array(tree, { minLength: 1, maxLength: 5 }), fc.nat(), (layers, at) => {
          const self = at % layers.length;
          const names = layers.map((layer, index) => {
            if (index !== self) writeFileSync(join(folder, "g", `o${index}.yaml`), JSON.stringify(layer));
            return index === self ? "_self_" : `g/o${index}@_global_`;
          });
          writeFileSync(join(folder, "config.yaml"), JSON.stringify({ ...layers[self], defaults: names }));
          const expected = layers.reduce<unknown>(merge, {});
          expect(composeConfig({ config: "config", searchPath: [folder] }).value).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("the last override of a key wins, whatever came before", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 6 }), (seeds) => {
        const composed = compose("config", { overrides: seeds.map((seed) => `seed=${seed}`) });
        expect(composed.value["seed"]).toBe(seeds.at(-1));
      }),
      { numRuns: 25 },
    );
  });
});

test("composing twice gives values that share nothing", () => {
  const first = compose("config", { overrides: ["+copy=${model}"] });
  (first.value["copy"] as { name: string }).name = "changed";
  expect(first.value["model"]).toEqual(BASE.model);
  expect(compose("config").value).toEqual(BASE);
});
