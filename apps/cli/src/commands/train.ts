import type { NamedOptions } from "@codex/pipeline";
import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { reportProgress } from "../progress.ts";
import { withSignals } from "../signals.ts";
import { decimal, type SharedOptions, UsageError, wholeNumber, withSharedOptions } from "./shared-options.ts";

interface TrainFlags extends SharedOptions {
  readonly config: string;
  readonly seed?: number;
  readonly maxSteps?: number;
  readonly device?: string;
  readonly dryRun?: boolean;
  readonly printConfig?: boolean;
  readonly overfitBatch?: boolean;
  readonly resume?: boolean;
  readonly resumeFrom?: string;
  readonly allowDrift?: boolean;
  readonly profile?: boolean;
  /** Seconds; false for `--no-system-metrics`. */
  readonly systemMetrics?: number | boolean;
  readonly trackingUri?: string;
  readonly allowRemote?: boolean;
  readonly "telemetry.enable"?: boolean;
  readonly "telemetry.port"?: number;
}

/** The flags that are short for an override; a written-out override after them wins. */
function overridesOf(flags: TrainFlags, written: readonly string[]): string[] {
  const short = [
    flags.seed === undefined ? undefined : `seed=${flags.seed}`,
    flags.maxSteps === undefined ? undefined : `training.maxSteps=${flags.maxSteps}`,
    flags.device === undefined ? undefined : `device=${flags.device}`,
    flags.overfitBatch ? "training.overfitBatch=true" : undefined,
    flags.systemMetrics === undefined
      ? undefined
      : `logging.systemMetrics.enabled=${flags.systemMetrics === false ? "false" : "true"}`,
    typeof flags.systemMetrics === "number"
      ? `logging.systemMetrics.intervalSeconds=${flags.systemMetrics}`
      : undefined,
  ];
  return [...short.filter((override) => override !== undefined), ...written];
}

/** The trackers that flags ask for. */
function trackersOf(flags: TrainFlags): NamedOptions[] {
  const { trackingUri, allowRemote, "telemetry.enable": telemetry, "telemetry.port": port } = flags;
  const trackers: NamedOptions[] = [];
  if (telemetry === true || port !== undefined)
    trackers.push({ name: "prometheus", ...(port === undefined ? {} : { port }) });
  if (trackingUri !== undefined)
    trackers.push({ name: "mlflow", uri: trackingUri, ...(allowRemote ? { allowRemote } : {}) });
  else if (allowRemote) throw new UsageError("--allow-remote: expected --tracking-uri with it");
  return trackers;
}

export function addTrainCommand(program: Command, context: CommandContext): void {
  withSharedOptions(program.command("train"))
    .description("Train a model: data, tokenizer, model, evaluation, checkpoints and a sample, from one configuration.")
    .argument("[overrides...]", "a.b=value, +a.b=value, ~a.b, group=choice")
    .option("-c, --config <file>", "a YAML file, or a name among the configurations", "config")
    .option("--seed <n>", "seed of every random stream", wholeNumber("--seed"))
    .option("--max-steps <n>", "stop after this many optimizer steps", wholeNumber("--max-steps", 1))
    .option("--device <name>", "auto, engine, tensorflow, wasm or cpu")
    .option("--dry-run", "check everything and say what would be done, without training")
    .option("--print-config", "print the effective configuration and stop")
    .option("--overfit-batch", "train on one batch: the loss of a model that can learn goes to zero")
    .option("--resume", "go on with the newest run")
    .option("--resume-from <dir>", "go on from this run or checkpoint directory")
    .option("--allow-drift", "resume although the configuration or the data changed")
    .option(
      "--system-metrics [seconds]",
      "sample the machine, every so many seconds (at least 0.5)",
      decimal("--system-metrics", 0.5),
    )
    .option("--no-system-metrics", "do not sample the machine")
    .option("--profile", "write the kernels of ten steps to profile.json of the run, for Chrome's trace viewer")
    .option("--tracking-uri <uri>", "an MLflow server, or a folder: the tracker mlflow")
    .option("--allow-remote", "--tracking-uri may be on another machine")
    .option("--telemetry.enable", "serve the numbers of the run to Prometheus while it goes on: the tracker prometheus")
    .option(
      "--telemetry.port <n>",
      "port of --telemetry.enable, 0 for one that is free",
      wholeNumber("--telemetry.port"),
    )
    .addHelpText(
      "after",
      `
Examples:
  $ codex train --config configs/recipes/quickstart.yaml
  $ codex train --config configs/recipes/shakespeare-char.yaml --seed 7 training.learningRate=5e-4
  $ codex train --config configs/recipes/quickstart.yaml --dry-run model.numHiddenLayers=6
  $ codex train --config configs/recipes/quickstart.yaml --resume`,
    )
    .action(async (overrides: string[], flags: TrainFlags) => {
      const resumeFrom = flags.resumeFrom ?? (flags.resume ? "latest" : undefined);
      if (flags.dryRun && resumeFrom !== undefined)
        throw new UsageError("--dry-run: expected a new run, it does not go together with --resume and --resume-from");
      const { loadConfiguration, planTraining, train } = await import("@codex/pipeline");
      const configuration = await loadConfiguration({
        config: flags.config,
        overrides: overridesOf(flags, overrides),
        trackers: trackersOf(flags),
      });
      const { out } = context.terminal;
      if (flags.printConfig) {
        out.write(flags.json ? `${JSON.stringify(configuration.value, null, 2)}\n` : configuration.yaml);
        return;
      }
      if (flags.dryRun) {
        context.exitCode = await withSignals(context.terminal, "stopping", async (signal) => {
          const plan = await planTraining(configuration, { signal });
          out.write(flags.json ? `${JSON.stringify(plan)}\n` : `${plan.lines.join("\n")}\n`);
          return false;
        });
        return;
      }
      context.exitCode = await reportProgress(context.terminal, flags, (hooks) =>
        train(configuration, {
          ...hooks,
          ...(resumeFrom === undefined ? {} : { resumeFrom }),
          allowDrift: flags.allowDrift === true,
          profile: flags.profile === true,
        }),
      );
    });
}
