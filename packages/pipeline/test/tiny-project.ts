import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Configuration, loadConfiguration, type PipelineEvent } from "@codex/pipeline";

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "codex-pipeline-")));
  folders.push(folder);
  return folder;
}

/** Some kilobytes with regularities that a tiny model can learn. */
export function sampleText(functions = 60): string {
  const lines = Array.from({ length: functions }, (_, i) => `function f${i % 7}(a) { return a + ${(i * 7) % 31}; }\n`);
  return lines.join("\n");
}

/** One layer of width 8 on bytes, 5 steps of 2 micro-batches: a run takes a fraction of a second. */
export const TINY = `defaults:
  - /config
  - override /data: text
  - override /tokenizer: byte
  - _self_
device: wasm
data: { path: train.txt, sequenceLength: 8, split: { kind: contiguous, validation: 0.05 } }
model: { hiddenSize: 8, intermediateSize: 12, numHiddenLayers: 1, numAttentionHeads: 2, numKeyValueHeads: 1 }
training:
  maxSteps: 5
  batchSize: 2
  gradientAccumulationSteps: 2
  warmupSteps: 2
  evaluationEverySteps: 2
  evaluationBatches: 2
  checkpointEverySteps: 2
  logEverySteps: 1
logging: { index: false }
`;

/** A project with `tiny.yaml` and `train.txt`. */
export function tinyProject(text = sampleText()): string {
  const directory = temporaryFolder();
  writeFileSync(join(directory, "package.json"), "{}");
  writeFileSync(join(directory, "tiny.yaml"), TINY);
  writeFileSync(join(directory, "train.txt"), text);
  return directory;
}

export function tinyConfiguration(directory: string, ...overrides: string[]): Promise<Configuration> {
  return loadConfiguration({ config: "tiny.yaml", directory, overrides });
}

/** The records of a line file. */
export function readRecords<T>(path: string): T[] {
  const text = readFileSync(path, "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

/** Every file below a folder with its contents, for "nothing changed". */
export function contentsOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.sort().map((path) => [path.slice(folder.length + 1), readFileSync(path, "latin1")]));
}

export function collectEvents(): { events: PipelineEvent[]; onEvent: (event: PipelineEvent) => void } {
  const events: PipelineEvent[] = [];
  return { events, onEvent: (event) => void events.push(event) };
}
