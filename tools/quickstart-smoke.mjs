/** The quickstart with fewer steps, as `.ci/run` runs it: the command has to end well, the loss to fall, and everything promised to be there. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { childEnvironment, repository, run, SetupError } from "./setup.mjs";

const STEPS = 30;

await run(async () => {
  const runs = join(".cache", "smoke");
  rmSync(join(repository, runs), { recursive: true, force: true });
  const overrides = [
    `logging.runsDirectory=${runs}`,
    "training.warmupSteps=5",
    "training.evaluationEverySteps=15",
    "training.checkpointEverySteps=15",
  ];
  const { status, stdout, stderr } = spawnSync(
    "npm",
    ["run", "--silent", "quickstart", "--", "--json", "--max-steps", String(STEPS), ...overrides],
    {
      cwd: repository,
      env: childEnvironment(),
      encoding: "utf8",
      maxBuffer: 2 ** 28,
      shell: process.platform === "win32",
    },
  );
  if (status !== 0) throw new SetupError(`npm run quickstart ended with exit code ${status}:\n${stderr.slice(-2000)}`);

  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const losses = events.filter(({ type }) => type === "evaluation").map(({ lossNats }) => lossNats);
  const outcome = events.at(-1);
  const [runDirectory] = readdirSync(join(repository, runs), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const directory = join(repository, runs, runDirectory.name);
  const files = [
    "config.yaml",
    "manifest.json",
    "metrics.ndjson",
    "metrics.csv",
    "events.ndjson",
    "tokenizer/tokenizer.json",
  ];
  const checks = {
    [`the held-out loss falls: ${losses.join(", ")}`]: losses.length >= 2 && losses.at(-1) < losses[0] - 0.1,
    [`${STEPS} steps were made`]: outcome.step === STEPS && outcome.stopReason === "completed",
    "there is a completion": outcome.completion?.startsWith("interface Array<T> {") && outcome.completion.length > 25,
    "model, bigram and trigram were scored": outcome.bitsPerByte.length === 3,
    "the run directory is complete": files.every((file) => existsSync(join(directory, file))),
    "there is a checkpoint": existsSync(
      join(directory, "checkpoints", `step-${String(STEPS).padStart(8, "0")}`, "model.safetensors"),
    ),
  };
  for (const [what, holds] of Object.entries(checks)) console.log(`${holds ? "ok    " : "FAILED"} ${what}`);
  return Object.values(checks).every(Boolean) ? 0 : 1;
});
