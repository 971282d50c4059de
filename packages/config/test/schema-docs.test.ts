import { configJsonSchema, listConfigKeys, renderConfigDocs, validateConfig } from "@codex/config";
import { Type } from "typebox";
import { Value } from "typebox/value";

const Schema = Type.Object(
  {
    seed: Type.Integer({ minimum: 0, default: 42, description: "Seed of every random stream." }),
    training: Type.Object({
      learningRate: Type.Number({ exclusiveMinimum: 0, default: 3e-4, description: "Peak rate | after warm-up." }),
      maxSteps: Type.Integer({ minimum: 1, description: "Optimizer steps." }),
      stop: Type.Optional(Type.Union([Type.Literal("early"), Type.Null()], { description: "When to stop." })),
      betas: Type.Tuple([Type.Number(), Type.Number()], { default: [0.9, 0.99], description: "AdamW." }),
    }),
    optimizer: Type.Union([
      Type.Object({ name: Type.Literal("sgd"), momentum: Type.Number({ default: 0, description: "Momentum." }) }),
      Type.Object({
        name: Type.Literal("adamw"),
        eps: Type.Number({ default: 1e-8, description: "Added to the root." }),
      }),
    ]),
    splits: Type.Record(Type.String(), Type.Number({ description: "Share of the samples, 0 to 1." })),
    sources: Type.Array(Type.Object({ path: Type.String({ description: "File." }) }), { description: "What to read." }),
    logging: Type.Object({ level: Type.String({ default: "info", description: "Least level." }) }),
  },
  { additionalProperties: false },
);

test("the table has every key with type, default and description", () => {
  expect(renderConfigDocs(Schema).split("\n")).toEqual([
    "| Key | Type | Default | Description |",
    "|---|---|---|---|",
    "| `seed` | integer >= 0 | `42` | Seed of every random stream. |",
    "| `training.learningRate` | number > 0 | `0.0003` | Peak rate \\| after warm-up. |",
    "| `training.maxSteps` | integer >= 1 | required | Optimizer steps. |",
    '| `training.stop` | "early" or null |  | When to stop. |',
    "| `training.betas` | list [number, number] | `[0.9,0.99]` | AdamW. |",
    '| `optimizer.name` | "sgd" \\| "adamw" | required |  |',
    "| `optimizer.momentum` | number | `0` | With `optimizer.name=sgd`. Momentum. |",
    "| `optimizer.eps` | number | `1e-8` | With `optimizer.name=adamw`. Added to the root. |",
    "| `splits.*` | number |  | Share of the samples, 0 to 1. |",
    "| `sources` | list of mapping | required | What to read. |",
    "| `sources.*.path` | string | required | File. |",
    '| `logging.level` | string | `"info"` | Least level. |',
    "",
  ]);
});

test("the keys are there as data", () => {
  expect(listConfigKeys(Schema)[0]).toEqual({
    key: "seed",
    type: "integer >= 0",
    description: "Seed of every random stream.",
    default: "42",
    required: false,
    when: undefined,
  });
});

test("the JSON Schema asks for what has to be given and nothing else", () => {
  const schema = configJsonSchema(Schema, "Codex");
  expect(schema).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Codex",
    type: "object",
    additionalProperties: false,
    required: ["training", "optimizer", "sources"],
    properties: {
      training: {
        required: ["maxSteps"],
        properties: { betas: { prefixItems: [{ type: "number" }, { type: "number" }], items: false, minItems: 2 } },
      },
    },
  });
  const config = { training: { maxSteps: 1 }, optimizer: { name: "sgd" }, splits: {}, sources: [] };
  expect(Value.Check(schema, config)).toBe(true);
  expect(Value.Check(schema, validateConfig(Schema, config))).toBe(true);
  expect(Value.Check(schema, { ...config, nope: 1 })).toBe(false);
  expect(Value.Check(schema, { ...config, training: {} })).toBe(false);
});

test("a property may have the name of a keyword", () => {
  const schema = Type.Object({
    required: Type.Number({ default: 1 }),
    items: Type.Object({ default: Type.Number({ default: 1 }) }),
  });
  expect(configJsonSchema(schema)).not.toHaveProperty("required");
  expect(validateConfig(schema, {})).toEqual({ required: 1, items: { default: 1 } });
});
