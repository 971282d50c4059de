/** The token cache of `codex train`: used again for the same content, settings and tokenizer, and for nothing else. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { train, trainTokenizer } from "@codex/pipeline";
import { collectEvents, sampleText, tinyConfiguration, tinyProject } from "./tiny-project.ts";

const SHORT = ["training.maxSteps=1", "report.baselines=[]"];

/** Whether a run took its tokens from the cache, and how many caches there are then. */
async function runIn(directory: string, ...overrides: string[]): Promise<{ cached: boolean; caches: number }> {
  const { events, onEvent } = collectEvents();
  await train(await tinyConfiguration(directory, ...SHORT, ...overrides), { onEvent });
  const said = events.filter((event) => event.type === "stage" && event.stage === "tokens").at(-1);
  const cache = join(directory, ".codex", "cache");
  const folders = readdirSync(cache, { recursive: true, withFileTypes: true });
  return {
    cached: /from the cache/.test(said?.type === "stage" ? said.message : ""),
    caches: folders.filter((entry) => /^tokens-/.test(entry.name)).length,
  };
}

test("content, settings and tokenizer each make tokens anew; what was there before is found again", async () => {
  const directory = tinyProject();
  const file = join(directory, "train.txt");
  expect(await runIn(directory)).toEqual({ cached: false, caches: 1 });
  expect(await runIn(directory)).toEqual({ cached: true, caches: 1 });

  // One byte of the content: a letter for a letter, so that not even the size tells.
  writeFileSync(file, sampleText().replace("return", "Return"));
  expect(await runIn(directory)).toEqual({ cached: false, caches: 2 });
  expect(await runIn(directory)).toEqual({ cached: true, caches: 2 });
  writeFileSync(file, sampleText());
  expect(await runIn(directory)).toEqual({ cached: true, caches: 2 });

  expect(await runIn(directory, "data.split.validation=0.1")).toEqual({ cached: false, caches: 3 });
  expect(await runIn(directory, "data.normalization.newlines=unix")).toEqual({ cached: false, caches: 4 });
  expect(await runIn(directory)).toEqual({ cached: true, caches: 4 });

  expect(await runIn(directory, "+tokenizer.specialTokens.eos=END")).toEqual({ cached: false, caches: 5 });
  expect(await runIn(directory)).toEqual({ cached: true, caches: 5 });
});

test("a tokenizer that was trained anew in its place makes tokens anew, the same one does not", async () => {
  const directory = tinyProject();
  mkdirSync(join(directory, "kept"));
  const trained = async (vocabSize: number): Promise<void> => {
    rmSync(join(directory, "bpe"), { recursive: true, force: true });
    await trainTokenizer({ input: ["train.txt"], output: "bpe", vocabSize, directory });
  };
  const withBpe = () => runIn(directory, "tokenizer=base", `tokenizer.path=${join(directory, "bpe")}`);
  await trained(300);
  copyFileSync(join(directory, "bpe", "tokenizer.json"), join(directory, "kept", "tokenizer.json"));
  expect(await withBpe()).toEqual({ cached: false, caches: 1 });
  await trained(301);
  expect(await withBpe()).toEqual({ cached: false, caches: 2 });
  await trained(300);
  expect(readFileSync(join(directory, "bpe", "tokenizer.json"))).toEqual(
    readFileSync(join(directory, "kept", "tokenizer.json")),
  );
  expect(await withBpe()).toEqual({ cached: true, caches: 2 });
});
