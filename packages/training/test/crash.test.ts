/**
 * A crash between any two of: update, metric records, evaluation, sample, save. The run goes on from its last checkpoint, the
 * metric log is cut after that step as a log does on reopening, and no step is lost or counted twice.
 */
import { selectDevice } from "@codex/tensor";
import { type MetricValue, type TrainingCheckpoint, train } from "@codex/training";
import { createTinyModel, tinyEvaluation, tinySource } from "./tiny-model.ts";

beforeAll(async () => {
  await selectDevice("cpu");
});

class Crash extends Error {}

/** What survives a process. */
interface Disk {
  checkpoint: TrainingCheckpoint | undefined;
  log: MetricValue[];
  samples: number[];
}

/** Runs until the end, or until the `crashAt`-th call that leaves the loop. @returns calls made */
async function run(disk: Disk, crashAt = Number.POSITIVE_INFINITY): Promise<number> {
  let calls = 0;
  const leaveLoop = (): void => {
    calls += 1;
    if (calls === crashAt) throw new Crash();
  };
  const from = disk.checkpoint;
  disk.log = disk.log.filter(({ step }) => step <= (from?.step ?? 0));
  disk.samples = disk.samples.filter((step) => step <= (from?.step ?? 0));
  const model = createTinyModel({ dropoutRate: 0.3, seed: from ? 99 : 1 });
  const source = tinySource();
  const evaluation = tinyEvaluation();
  try {
    await train({
      model,
      data: {
        samplesPerEpoch: source.samplesPerEpoch,
        batch(...at) {
          leaveLoop();
          return source.batch(...at);
        },
      },
      evaluation: {
        batches(rows) {
          leaveLoop();
          return evaluation.batches(rows);
        },
      },
      options: {
        maxSteps: 4,
        batchSize: 3,
        gradientAccumulationSteps: 2,
        learningRate: 0.02,
        evaluationEverySteps: 2,
        sampleEverySteps: 3,
        checkpointEverySteps: 2,
      },
      seed: 7,
      metrics: {
        metric(record) {
          leaveLoop();
          if (record.tags === undefined) disk.log.push(record);
          leaveLoop();
        },
      },
      sample(step) {
        leaveLoop();
        disk.samples.push(step);
        return "text";
      },
      checkpoints: {
        async save(contents) {
          leaveLoop();
          disk.checkpoint = contents;
          leaveLoop();
          return { path: "" };
        },
      },
      ...(from && { resumeFrom: from }),
    });
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  } finally {
    model.dispose();
  }
  return calls;
}

test("after a crash at each moment the run ends as if there had been none", async () => {
  const whole: Disk = { checkpoint: undefined, log: [], samples: [] };
  const calls = await run(whole);
  expect(whole.checkpoint!.step).toBe(4);
  expect(calls).toBeGreaterThan(60);
  for (let crashAt = 1; crashAt <= calls; crashAt += 1) {
    const disk: Disk = { checkpoint: undefined, log: [], samples: [] };
    await run(disk, crashAt);
    await run(disk);
    expect([crashAt, disk]).toEqual([crashAt, whole]);
  }
});
