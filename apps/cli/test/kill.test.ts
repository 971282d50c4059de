/** The real `codex train`, killed at random moments and resumed, ends with the bytes of a run that was left alone. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { codex, contentsOf, project, startCodex } from "./harness.ts";

const KILLS = 5;
const SEED = 20261120;
const OPTIONS = ["training.maxSteps=40", "training.checkpointEverySteps=3", "training.evaluationEverySteps=5"];

/** Numerical Recipes' linear congruential generator: the moments are the same each time, as far as processes let them be. */
function randomInts(seed: number): (exclusiveMax: number) => number {
  let state = seed;
  return (exclusiveMax) => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * exclusiveMax);
  };
}

interface Recorded {
  readonly step: number;
  readonly split: string;
  readonly metric: string;
  readonly value: number;
}

function endOf(directory: string) {
  const run = join(directory, "runs/run");
  const metrics = readFileSync(join(run, "metrics.ndjson"), "utf8").trimEnd().split("\n");
  return {
    checkpoint: contentsOf(join(run, "checkpoints/step-00000040")),
    metrics: metrics.map((line) => {
      const { step, split, metric, value }: Recorded = JSON.parse(line);
      return [step, split, metric, /time|per_second/.test(metric) ? "time" : value];
    }),
  };
}

test(`${KILLS} kills at random moments`, async () => {
  const whole = project();
  expect(await codex(whole, "train", "--config", "tiny.yaml", ...OPTIONS)).toMatchObject({ exitCode: 0 });

  const directory = project();
  const random = randomInts(SEED);
  let kills = 0;
  for (let attempt = 0; kills < KILLS && attempt < 4 * KILLS; attempt++) {
    const checkpoints = join(directory, "runs/run/checkpoints");
    const started = existsSync(checkpoints) && readdirSync(checkpoints).some((name) => /^step-\d+$/.test(name));
    const child = startCodex(
      directory,
      started ? ["resume", "runs/run", "--json"] : ["train", "--config", "tiny.yaml", "--json", ...OPTIONS],
    );
    // Some lines after the first save (there is nothing to go on from before it), and then some fraction of a step.
    let lines = 8 + random(12);
    let saved = started;
    await child
      .line((line) => {
        saved ||= line.includes('"type":"checkpoint"');
        if (saved) lines -= 1;
        return saved && lines < 0;
      })
      .catch(() => {}); // it came to its end
    await new Promise((resolve) => setTimeout(resolve, random(8)));
    child.process.kill("SIGKILL");
    if ((await child.finished).signal === "SIGKILL") kills += 1;
  }
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(await codex(directory, "resume", "runs/run")).toMatchObject({ exitCode: 0 });
  expect(endOf(directory)).toEqual(endOf(whole));
});
