/**
 * Child of tensorflow.test.ts: trains on TensorFlow without a stop, then again with a stop and a resume at every step. Prints one line of
 * JSON: what the device says of itself, whether all bytes were the same, and a hash of the last ones.
 */
import { createHash } from "node:crypto";
import { type TrainingCheckpoint, type TrainingOptionsInput, train } from "@codex/training";
import { selectDevice } from "./devices.ts";
import { createTinyModel, tinySource } from "./tiny-model.ts";

const STEPS = 5;
// Wide enough that TensorFlow cuts its products and sums over the threads that it has.
const size = { vocabSize: 2048, length: 64 };
const options: TrainingOptionsInput = {
  maxSteps: STEPS,
  batchSize: 8,
  gradientAccumulationSteps: 2,
  learningRate: 0.02,
  warmupSteps: 2,
  checkpointEverySteps: 1,
  evaluationEverySteps: 0,
};

/** The checkpoints by step. */
async function run(resumeFrom?: TrainingCheckpoint): Promise<TrainingCheckpoint[]> {
  const model = createTinyModel({ ...size, width: 64, dropoutRate: 0.3, seed: resumeFrom ? 99 : 1 });
  const checkpoints: TrainingCheckpoint[] = [];
  await train({
    model,
    data: tinySource({ ...size, samples: 56 }), // 7 micro-batches: the last window of an epoch holds one
    options,
    seed: 7,
    checkpoints: {
      async save(contents) {
        checkpoints[contents.step] = contents;
        return { path: "" };
      },
    },
    ...(resumeFrom && { resumeFrom }),
  });
  model.dispose();
  return checkpoints;
}

function hash({ parameters, optimizer }: TrainingCheckpoint): string {
  const sha256 = createHash("sha256");
  for (const [name, { data }] of [...parameters, ...optimizer]) sha256.update(name).update(data);
  return sha256.digest("hex");
}

const { threads, deterministic } = await selectDevice("tensorflow");
const whole = await run();
const end = hash(whole[STEPS]!);
const ends: string[] = [];
for (let step = 1; step < STEPS; step++) ends.push(hash((await run(whole[step]))[STEPS]!));
console.log(JSON.stringify({ threads, deterministic, end, resumedEnds: ends }));
