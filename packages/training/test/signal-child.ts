/** Child of signals.test.ts: trains until it is told to stop. What it prints is what the test reads. */
import { selectDevice } from "@codex/tensor";
import { installSignalHandlers, train } from "@codex/training";
import { createTinyModel, tinySource } from "./tiny-model.ts";

const saveNeverEnds = process.argv.includes("--save-never-ends");
const handlers = installSignalHandlers({ onSignal: ({ signal }) => console.log(`stopping on ${signal}`) });
await selectDevice("cpu");
const result = await train({
  model: createTinyModel(),
  data: tinySource(),
  options: { maxSteps: 1_000_000, logEverySteps: 0, checkpointEverySteps: 0 },
  seed: 7,
  signal: handlers.signal,
  onEvent: ({ type, step }) => {
    if (type === "step" && step === 1) console.log("running");
  },
  checkpoints: {
    async save({ step, trainer }) {
      console.log(`save ${step === trainer.step}`);
      if (saveNeverEnds) await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
      return { path: "" };
    },
  },
});
handlers.dispose();
console.log(`stopped ${result.stopReason} ${process.listenerCount("SIGINT")} ${process.listenerCount("SIGTERM")}`);
process.exitCode = handlers.reason?.exitCode ?? 0;
