// biome-ignore-all lint/suspicious/noTemplateCurlyInString: interpolations of configurations, not of TypeScript.
import { fileURLToPath } from "node:url";
import { ConfigError, type ConfigIssue, composeConfig, validateConfig } from "@codex/config";
import { type TSchema, Type } from "typebox";

const closed = { additionalProperties: false };

const Sgd = Type.Object({ name: Type.Literal("sgd"), momentum: Type.Number({ default: 0.9 }) }, closed);
const AdamW = Type.Object(
  { name: Type.Literal("adamw", { default: "adamw" }), beta1: Type.Number({ default: 0.9 }) },
  closed,
);

const Schema = Type.Object(
  {
    model: Type.Object(
      {
        hiddenSize: Type.Integer({ minimum: 1 }),
        numAttentionHeads: Type.Integer({ minimum: 1, default: 4 }),
        activation: Type.Enum(["gelu", "silu"], { default: "gelu" }),
      },
      closed,
    ),
    training: Type.Object(
      {
        learningRate: Type.Number({ exclusiveMinimum: 0, default: 3e-4 }),
        maxGradNorm: Type.Union([Type.Number(), Type.Null()], { default: null }),
        betas: Type.Tuple([Type.Number(), Type.Number()], { default: [0.9, 0.99] }),
        tags: Type.Array(Type.String(), { default: [] }),
        bf16: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
    optimizer: Type.Union([Sgd, AdamW], { default: { name: "adamw" } }),
    device: Type.Union([Type.Literal("auto"), Type.Literal("wasm")], { default: "auto" }),
    splits: Type.Record(Type.String({ pattern: "^[a-z]+$" }), Type.Number(), { default: {} }),
  },
  closed,
);

const DEFAULTS = {
  model: { hiddenSize: 64, numAttentionHeads: 4, activation: "gelu" },
  training: { learningRate: 3e-4, maxGradNorm: null, betas: [0.9, 0.99], tags: [] },
  optimizer: { name: "adamw", beta1: 0.9 },
  device: "auto",
  splits: {},
};

function issuesOf(schema: TSchema, value: unknown): readonly ConfigIssue[] {
  try {
    validateConfig(schema, value);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe("CONFIG_VALIDATION_FAILED");
    return (error as ConfigError).issues;
  }
  return [];
}

const messages = (value: unknown, schema: TSchema = Schema) => issuesOf(schema, value).map((issue) => issue.message);

describe("defaults", () => {
  test("are filled in, also in objects that are absent", () => {
    expect(validateConfig(Schema, { model: { hiddenSize: 64 } })).toEqual(DEFAULTS);
  });

  test("keys come in the order of the schema, and the input is left alone", () => {
    const input = { device: "wasm", model: { activation: "silu", hiddenSize: 8 } };
    const output = validateConfig(Schema, input);
    expect(Object.keys(output)).toEqual(["model", "training", "optimizer", "device", "splits"]);
    expect(Object.keys(output.model)).toEqual(["hiddenSize", "numAttentionHeads", "activation"]);
    expect(input).toEqual({ device: "wasm", model: { activation: "silu", hiddenSize: 8 } });
  });

  test("are not shared between results", () => {
    const first = validateConfig(Schema, { model: { hiddenSize: 1 } });
    first.training.betas[0] = 7;
    expect(validateConfig(Schema, { model: { hiddenSize: 1 } }).training.betas).toEqual([0.9, 0.99]);
  });

  test("of a variant are those of the variant that was chosen", () => {
    expect(validateConfig(Schema, { model: { hiddenSize: 1 }, optimizer: { name: "sgd" } }).optimizer).toEqual({
      name: "sgd",
      momentum: 0.9,
    });
    expect(validateConfig(Schema, { model: { hiddenSize: 1 }, optimizer: { beta1: 0.8 } }).optimizer).toEqual({
      name: "adamw",
      beta1: 0.8,
    });
  });

  test("an optional key without a default stays absent", () => {
    expect(validateConfig(Schema, { model: { hiddenSize: 1 } }).training).not.toHaveProperty("bf16");
  });
});

describe("errors", () => {
  const ok = { model: { hiddenSize: 64 } };

  test.each<[string, unknown, string[]]>([
    ["wrong type", { model: { hiddenSize: "big" } }, ['model.hiddenSize: expected integer >= 1, got "big"']],
    ["a float for an integer", { model: { hiddenSize: 1.5 } }, ["model.hiddenSize: expected integer >= 1, got 1.5"]],
    ["out of range", { model: { hiddenSize: 0 } }, ["model.hiddenSize: expected integer >= 1, got 0"]],
    [
      "not finite",
      { ...ok, training: { learningRate: Number.POSITIVE_INFINITY } },
      ["training.learningRate: expected number > 0, got inf"],
    ],
    ["missing", {}, ["model.hiddenSize: is missing; expected integer >= 1"]],
    ["???", { model: { hiddenSize: "???" } }, ["model.hiddenSize: has to be given a value; expected integer >= 1"]],
    ["??? for a mapping", { model: "???" }, ["model: has to be given a value; expected mapping"]],
    ["a scalar for a mapping", { ...ok, training: 3 }, ["training: expected a mapping, got 3"]],
    ["a list for a mapping", { ...ok, training: [] }, ["training: expected a mapping, got []"]],
    ["null for a mapping", { ...ok, training: null }, ["training: expected a mapping, got null"]],
    [
      "a typing error",
      { ...ok, training: { learningrat: 1 } },
      ["training.learningrat: unknown key (value 1); did you mean training.learningRate?"],
    ],
    [
      "another spelling",
      { ...ok, training: { learning_rate: 1 } },
      ["training.learning_rate: unknown key (value 1); did you mean training.learningRate?"],
    ],
    [
      "initials",
      { ...ok, training: { lr: 1 } },
      ["training.lr: unknown key (value 1); did you mean training.learningRate?"],
    ],
    [
      "a key of another place",
      { ...ok, hiddenSize: 3 },
      ["hiddenSize: unknown key (value 3); did you mean model.hiddenSize?"],
    ],
    [
      "nothing like it",
      { ...ok, zzz: 3 },
      ["zzz: unknown key (value 3); known there: model, training, optimizer, device, splits"],
    ],
    [
      "an enum",
      { model: { hiddenSize: 1, activation: "glu" } },
      ['model.activation: expected "gelu" | "silu", got "glu"; did you mean gelu?'],
    ],
    [
      "a union of constants",
      { ...ok, device: "wsam" },
      ['device: expected "auto" | "wasm", got "wsam"; did you mean wasm?'],
    ],
    [
      "a union of scalars",
      { ...ok, training: { maxGradNorm: "x" } },
      ['training.maxGradNorm: expected number or null, got "x"'],
    ],
    [
      "a quoted number",
      { ...ok, training: { learningRate: "1e-3" } },
      [
        'training.learningRate: expected number > 0, got "1e-3"; it is a text: write it without quotes, or ${oc.decode:${oc.env:NAME}} for a variable',
      ],
    ],
    [
      "a quoted boolean",
      { ...ok, training: { bf16: "true" } },
      [
        'training.bf16: expected true or false, got "true"; it is a text: write it without quotes, or ${oc.decode:${oc.env:NAME}} for a variable',
      ],
    ],
    [
      "list items",
      { ...ok, training: { tags: ["a", 1, "b", 2] } },
      ["training.tags.1: expected string, got 1", "training.tags.3: expected string, got 2"],
    ],
    [
      "a tuple's length",
      { ...ok, training: { betas: [0.9] } },
      ["training.betas: expected list [number, number], got [0.9]"],
    ],
    ["a tuple's item", { ...ok, training: { betas: [0.9, "x"] } }, ['training.betas.1: expected number, got "x"']],
    [
      "a variant's key",
      { ...ok, optimizer: { name: "sgd", beta1: 1 } },
      ["optimizer.beta1: unknown key (value 1); known there: name, momentum"],
    ],
    [
      "an unknown variant",
      { ...ok, optimizer: { name: "adam" } },
      ['optimizer.name: expected "sgd" | "adamw", got "adam"; did you mean adamw?'],
    ],
    [
      "a scalar for a variant",
      { ...ok, optimizer: "sgd" },
      ['optimizer: expected mapping with name "sgd" | "adamw", got "sgd"'],
    ],
    ["a record's key", { ...ok, splits: { A: 1 } }, ["splits.A: unknown key (value 1); known there: nothing"]],
    ["a record's value", { ...ok, splits: { a: "x" } }, ['splits.a: expected number, got "x"']],
    ["the whole", 3, ["the configuration: expected a mapping, got 3"]],
  ])("%s", (_, value, expected) => {
    expect(messages(value)).toEqual(expected);
  });

  test("all of them are reported together", () => {
    const value = { model: { hiddenSize: "x", depth: 1 }, training: { lr: 1, betas: [1, "x"] }, device: 3, extra: {} };
    expect(messages(value)).toHaveLength(6);
  });

  test("a prototype key is unknown even in a record", () => {
    const open = Type.Object({ tags: Type.Record(Type.String(), Type.Unknown()) }, closed);
    for (const key of ["__proto__", "constructor", "prototype"]) {
      const value: unknown = JSON.parse(`{ "tags": { "${key}": { "polluted": true } } }`);
      expect(() => validateConfig(open, value)).toThrow(`tags.${key}: unknown key`);
    }
  });

  test("a union without a common key reports the variant that is closest", () => {
    const schema = Type.Union([
      Type.Object({ path: Type.String() }, closed),
      Type.Object({ folder: Type.String(), depth: Type.Integer() }, closed),
      Type.Array(Type.String()),
    ]);
    expect(messages({ folder: "x", depth: "y" }, schema)).toEqual(['depth: expected integer, got "y"']);
    expect(messages(["x", 1], schema)).toEqual(["1: expected string, got 1"]);
    expect(messages({ path: "x" }, schema)).toEqual([]);
  });

  test("an intersection is one object", () => {
    const schema = Type.Intersect(
      [Type.Object({ a: Type.Number() }), Type.Object({ b: Type.Number({ default: 2 }) })],
      {
        unevaluatedProperties: false,
      },
    );
    expect(validateConfig(schema, { a: 1 })).toEqual({ a: 1, b: 2 });
    expect(messages({ a: 1, bb: 2 }, schema)).toEqual(["bb: unknown key (value 2); did you mean b?"]);
  });

  test("what only TypeBox knows is checked too", () => {
    const schema = Type.Object({
      heads: Type.Refine(
        Type.Number(),
        (value) => value % 2 === 0,
        () => "must be even",
      ),
    });
    expect(validateConfig(schema, { heads: 2 })).toEqual({ heads: 2 });
    expect(messages({ heads: 3 }, schema)).toEqual([expect.stringMatching(/^heads: .*3/)]);
  });

  test("references to definitions are checked", () => {
    const schema = Type.Object({
      tree: Type.Cyclic({ Node: Type.Object({ children: Type.Array(Type.Ref("Node")) }) }, "Node"),
    });
    expect(validateConfig(schema, { tree: { children: [{ children: [] }] } })).toEqual({
      tree: { children: [{ children: [] }] },
    });
    expect(messages({ tree: { children: [{ children: 3 }] } }, schema)).toEqual([
      "tree.children.0.children: must be array, got 3",
    ]);
  });

  test("name file and line, or the override", () => {
    const shipped = fileURLToPath(new URL("fixtures/shipped", import.meta.url));
    const composed = composeConfig({
      config: "config",
      searchPath: [shipped],
      overrides: ["training.maxSteps=many", "data.path=x"],
    });
    const schema = Type.Object({
      model: Type.Object({ name: Type.Integer() }, closed),
      training: Type.Object({ maxSteps: Type.Integer() }),
    });
    try {
      validateConfig(schema, composed.value, composed);
      throw new Error("accepted");
    } catch (error) {
      const { message } = error as ConfigError;
      expect(message.replaceAll(shipped, "shipped").replaceAll("\\", "/").split("\n")).toEqual([
        "configuration: 4 errors",
        '  shipped/model/base.yaml:1:1: model.name: expected integer, got "tiny"',
        "  shipped/model/base.yaml:2:1: model.hiddenSize: unknown key (value 64); known there: name",
        "  shipped/model/base.yaml:3:1: model.numHiddenLayers: unknown key (value 2); known there: name",
        '  override training.maxSteps=many: training.maxSteps: expected integer, got "many"',
      ]);
    }
  });
});
