import { readFileSync } from "node:fs";
import { train } from "@codex/training";
import * as entries from "@codex/training/registry";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).codex;

const exported = new Map(Object.entries(entries));

test("every entry point of the manifest is an entry of that name", () => {
  expect(manifest.apiVersion).toBe("v1");
  const targets: string[] = Object.values(manifest.entryPoints).flatMap((names) => Object.values(names as object));
  expect(targets.sort()).toEqual(
    ["adamw", "constant", "cosine", "defaultTrainer", "linear", "sgd"].map((name) => `./registry#${name}`).sort(),
  );
  for (const target of targets) {
    const entry = exported.get(target.split("#")[1]!)!;
    expect(entry.configSchema).toMatchObject({ type: "object", additionalProperties: false });
    expect(entry.create).toBeInstanceOf(Function);
  }
});

test("entries make what their names say, from options that their schema knows", () => {
  const optimizer = entries.adamw.create({ weightDecay: 0.2 } as never);
  expect(optimizer.name).toBe("adamw");
  const schedule = entries.linear.create({ learningRate: 0.1, warmupSteps: 4 } as never, { maxSteps: 10 });
  expect([0, 4, 7, 10].map(schedule)).toEqual([0.02, 0.1, 0.05, 0]);
  expect(entries.defaultTrainer.create({} as never)).toBe(train);
});
