import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { configurationDocs, configurationSchema, loadConfiguration } from "@codex/pipeline";
import { temporaryFolder } from "./tiny-project.ts";

const configs = fileURLToPath(new URL("../../../configs", import.meta.url));
const files = readdirSync(configs, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
/** What a file leaves to its user. */
const MISSING: Readonly<Record<string, string[]>> = { "data/text.yaml": ["data.path=train.txt"] };

test("every group has a base, and there are recipes", () => {
  const groups = ["model", "data", "tokenizer", "training", "logging", "tracking"];
  for (const group of groups) expect(files).toContain(join(group, "base.yaml"));
  expect(files.filter((name) => name.startsWith("recipes"))).not.toEqual([]);
});

test.each(files)("%s is valid, by its path and by its name in an empty project", async (name) => {
  const overrides = MISSING[name] ?? [];
  const byPath = await loadConfiguration({ config: join(configs, name), overrides });
  const directory = temporaryFolder();
  const byName = await loadConfiguration({ config: name.replace(/\.yaml$/, ""), overrides, directory });
  expect(byName.value).toEqual(byPath.value);
});

test("the shakespeare recipe is nanoGPT's published setting", async () => {
  const { value } = await loadConfiguration({ config: join(configs, "recipes/shakespeare-char.yaml") });
  expect(value).toMatchObject({
    model: {
      name: "gpt2",
      numHiddenLayers: 4,
      numAttentionHeads: 4,
      hiddenSize: 128,
      embdPdrop: 0,
      attnPdrop: 0,
      residPdrop: 0,
    },
    data: { name: "shakespeare", sequenceLength: 64, split: { kind: "contiguous", validation: 0.1 } },
    tokenizer: { name: "char" },
    training: {
      maxSteps: 2000,
      batchSize: 12,
      learningRate: 1e-3,
      minLearningRate: 1e-4,
      warmupSteps: 100,
      betas: [0.9, 0.99],
      weightDecay: 0.1,
      maxGradNorm: 1,
    },
  });
});

test("the schema and the documentation know every group, with types and defaults", async () => {
  const schema = await configurationSchema();
  const { properties } = schema as { properties: Record<string, { properties?: object }> };
  expect(Object.keys(properties).sort()).toEqual(
    [
      "checkpoints",
      "data",
      "device",
      "init",
      "logging",
      "model",
      "report",
      "seed",
      "tokenizer",
      "tracking",
      "training",
    ].sort(),
  );
  const docs = await configurationDocs();
  for (const key of ["training.learningRate", "model.hiddenSize", "data.split.validation", "logging.runsDirectory"])
    expect(docs).toMatch(new RegExp(`^\\|.*${key.replaceAll(".", "\\.")}.*\\|.*\\|.*\\|`, "m"));
});
