/** What trackers write, read back by the tools that it is for: `node tools/test-trackers.mjs [tensorboard] [wandb] [prometheus] [mlflow] ...` */
import { run, setup } from "./setup.mjs";

const CHECKS = {
  tensorboard: async () => (await import("./trackers/tensorboard.mjs")).checkTensorboard(),
  wandb: async () => (await import("./trackers/wandb.mjs")).checkWandb(),
  prometheus: async () => (await import("./trackers/promtool.mjs")).checkPrometheus(),
  mlflow: async () => (await import("./trackers/mlflow.mjs")).checkMlflow(),
};

await run(async () => {
  await setup();
  const chosen = process.argv.slice(2);
  for (const [name, check] of Object.entries(CHECKS)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    console.error(`${name}:`);
    await check();
  }
  return 0;
});
