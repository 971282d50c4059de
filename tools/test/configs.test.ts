/** Every file below configs/ composes, fits the schemas and is complete; and what it says of itself is what comes out. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { loadConfiguration } from "@codex/pipeline";

const files = readdirSync("configs", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => join("configs", name))
  .sort();

/** Values that a file leaves to its user. */
const GIVEN: Record<string, readonly string[]> = { "configs/data/text.yaml": ["data.path=corpus.txt"] };

test("there are the groups that were promised, each with a base", () => {
  for (const group of ["model", "data", "tokenizer", "training", "logging", "tracking"]) {
    expect(files).toContain(join("configs", group, "base.yaml"));
  }
});

test.each(files)("%s", async (file) => {
  const { value, yaml } = await loadConfiguration({ config: file, overrides: GIVEN[file] ?? [] });
  expect(yaml).toContain("training:");
  expect(value.data.sequenceLength).toBe(value.model["maxPositionEmbeddings"]);
  const [, group, option] = /^configs\/(\w+)\/([\w-]+)\.yaml$/.exec(file) ?? [];
  if (option !== "base" && (group === "model" || group === "data" || group === "tokenizer"))
    expect(value[group].name).toBe(option);
});

test("the shakespeare recipe is nanoGPT's published setting", async () => {
  const { value } = await loadConfiguration({ config: "configs/recipes/shakespeare-char.yaml" });
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
