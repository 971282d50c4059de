/** From a configuration to a run: data, tokenizer, model, the loop, checkpoints, records, and the report at the end. */
import { join, resolve } from "node:path";
import { type CheckpointDirectory, openCheckpoints } from "@codex/checkpointing";
import { type RunDirectory, runPaths } from "@codex/logging";
import { modelFiles } from "@codex/models";
import { acquireLock, nodeFs, removeTree } from "@codex/storage";
import { usePrecision } from "@codex/tensor";
import type { CheckpointStore, StopReason, TrainerState, TrainingResult } from "@codex/training";
import { type BitsPerByte, scoreBaselines } from "./baselines.ts";
import { type Configuration, type LoadOptions, loadConfiguration } from "./configuration/load.ts";
import type { CodexConfig } from "./configuration/schema.ts";
import { measureDevicePeak } from "./device-peak.ts";
import type { PipelineEvent, PipelineObserver } from "./events.ts";
import { latestRun, type RunEvaluation } from "./locate.ts";
import { flopsPerToken } from "./model-flops.ts";
import { guardObserver } from "./observer.ts";
import { blamePlugins, usedNames } from "./plugin-failure.ts";
import { type PreparedRun, prepareRun } from "./prepare-run.ts";
import { locateResume, type ResumeTarget } from "./resume-target.ts";
import { continueRun, startRun } from "./run-files.ts";
import { refreshRunIndex } from "./run-index.ts";
import { openRunRecord, type RunRecord } from "./run-record.ts";
import { StepProfile } from "./step-profile.ts";
import { feedTrackers } from "./trackers.ts";

export interface TrainHooks {
  /** Called with every event, in order. What it throws changes nothing about the run. */
  readonly onEvent?: PipelineObserver;
  /**
   * An abort ends the optimizer step at hand, saves once and resolves. Before there is a run directory it rejects with the signal's
   * reason, and nothing is left behind.
   */
  readonly signal?: AbortSignal;
}

export interface TrainOptions extends TrainHooks {
  /** `latest` run of `logging.runsDirectory`, a run directory, or one of its checkpoints. */
  readonly resumeFrom?: string;
  /** Go on although configuration or data changed since the run began. */
  readonly allowDrift?: boolean;
  /** Writes `profile.json` into the run directory: the kernels of some of the first steps, for Chrome's trace viewer. Needs the engine. */
  readonly profile?: boolean;
}

export interface TrainOutcome {
  readonly runId: string;
  readonly runDirectory: string;
  readonly stopReason: StopReason;
  /** Optimizer steps done. */
  readonly step: number;
  /** The newest checkpoint: a Hugging Face model folder. `undefined` for a run that was stopped before its first step. */
  readonly checkpoint: string | undefined;
  /** Held-out loss at the end, nats per target token. */
  readonly validationLossNats: number | undefined;
  /** Held-out bits per byte: the model's, then those of the baselines. Empty when the tokenizer does not know its bytes. */
  readonly bitsPerByte: readonly BitsPerByte[];
  readonly prompt: string | undefined;
  /** The prompt and what the model made of it. */
  readonly completion: string | undefined;
}

/**
 * Trains as a configuration says, in a run directory of its own, or goes on with an earlier run.
 *
 * ```ts
 * const configuration = await loadConfiguration({ config: "configs/recipes/quickstart.yaml" });
 * const { runDirectory } = await train(configuration, { onEvent: console.log });
 * ```
 *
 * @throws the typed errors of the packages; `PIPELINE_CONFIG_INVALID`, `PIPELINE_DRIFT`, `PIPELINE_NOTHING_TO_RESUME`, `PIPELINE_PLUGIN_FAILED`,
 * `PIPELINE_RUN_NOT_FOUND`
 */
export async function train(from: Configuration | LoadOptions, options: TrainOptions = {}): Promise<TrainOutcome> {
  const configuration = "registries" in from ? from : await loadConfiguration(from);
  const { resumeFrom } = options;
  if (resumeFrom === undefined) return trainRun(configuration, options, undefined);
  const { value, directory } = configuration;
  const target =
    resumeFrom === "latest" ? await latestRun(resolve(directory, value.logging.runsDirectory)) : resumeFrom;
  return trainRun(configuration, options, await locateResume(target, directory));
}

export interface ResumeOptions extends TrainHooks {
  /** Changes to the saved configuration; those that shape the run need `allowDrift`. */
  readonly overrides?: readonly string[];
  readonly allowDrift?: boolean;
  /** The project that the run was started in: relative paths of its configuration start here. Default: the working directory. */
  readonly directory?: string;
}

/**
 * Goes on with a run, with the configuration that is saved in it.
 * @param path - a run directory, or one checkpoint inside it
 */
export async function resume(path: string, options: ResumeOptions = {}): Promise<TrainOutcome> {
  const { overrides = [], directory = process.cwd(), ...rest } = options;
  const target = await locateResume(path, directory);
  const configuration = await loadConfiguration({ config: runPaths(target.runDirectory).config, overrides, directory });
  return trainRun(configuration, rest, target);
}

async function trainRun(
  configuration: Configuration,
  options: TrainOptions,
  target: ResumeTarget | undefined,
): Promise<TrainOutcome> {
  try {
    // A run that goes on is locked first: another process may be in it.
    using _lock = target === undefined ? undefined : await acquireLock(target.runDirectory);
    return await new Training(configuration, options, target).run();
  } catch (error) {
    throw blamePlugins(error, configuration.registries, usedNames(configuration.value));
  }
}

/** One call of `train`. It holds what its stages share: where events go, and the record of the run once there is one. */
class Training {
  readonly #configuration: Configuration;
  readonly #options: TrainOptions;
  readonly #target: ResumeTarget | undefined;
  readonly #early: PipelineEvent[] = []; // what happens before there is a run directory to write it to
  readonly #observe: PipelineObserver;
  #record: RunRecord | undefined;

  constructor(configuration: Configuration, options: TrainOptions, target: ResumeTarget | undefined) {
    this.#configuration = configuration;
    this.#options = options;
    this.#target = target;
    this.#observe = guardObserver(options.onEvent, (event) => this.#keep(event));
  }

  #keep(event: PipelineEvent): void {
    if (this.#record === undefined) this.#early.push(event);
    else this.#record.event(event);
  }

  readonly #emit: PipelineObserver = (event) => {
    this.#keep(event);
    this.#observe(event);
  };

  async run(): Promise<TrainOutcome> {
    const { signal, allowDrift } = this.#options;
    using prepared = await prepareRun(this.#configuration, {
      onEvent: this.#emit,
      signal,
      allowDrift,
      target: this.#target,
    });
    using _precision = usePrecision(this.#configuration.value.training.precision); // for the report, too
    const run =
      this.#target === undefined
        ? await startRun(this.#configuration, prepared)
        : await continueRun(this.#target.runDirectory, this.#configuration);
    using _lock = this.#target === undefined ? await acquireLock(run.directory) : undefined;
    this.#emit({ type: "run", runId: run.runId, directory: run.directory });
    await using record = await this.#openRecord(run, prepared);
    await using feed = await feedTrackers(run, this.#configuration.value, this.#configuration.registries, this.#emit);
    const { value: config, directory } = this.#configuration;
    const refreshIndex = () => refreshRunIndex(config, directory, run.directory, this.#emit);
    await refreshIndex();
    try {
      const result = await this.#loop(run, prepared, record);
      const report = await this.#report(result, prepared);
      record.log("run.finished", {
        status: result.stopReason === "signal" ? "interrupted" : "completed",
        step: result.step,
        bitsPerByte: report.bitsPerByte,
        completion: report.completion ?? null,
      });
      await record.sync();
      return {
        runId: run.runId,
        runDirectory: run.directory,
        stopReason: result.stopReason,
        step: result.step,
        checkpoint: result.checkpoint?.path ?? prepared.resumeFrom?.path,
        validationLossNats: result.evaluation?.lossNats,
        prompt: config.report.prompt,
        ...report,
      };
    } catch (error) {
      record.log("run.finished", { status: "failed", message: error instanceof Error ? error.message : String(error) });
      await record.sync().catch(() => {}); // the error that ended the run is the one to tell
      throw error;
    } finally {
      // Trackers get the last record, too; what one does not take in time is left for a replay.
      await record.stopSampling();
      await record.sync().catch(() => {}); // as above
      await feed.finish(1000 * this.#configuration.value.tracking.finishSeconds);
      await refreshIndex();
    }
  }

  /** A new run whose record cannot be opened is no run: its directory is taken away again. */
  async #openRecord(run: RunDirectory, { resumeFrom, device, drift }: PreparedRun): Promise<RunRecord> {
    try {
      this.#record = await openRunRecord(run, this.#configuration.value, resumeFrom?.trainer, (message) =>
        this.#emit({ type: "notice", code: "records.notice", message }),
      );
    } catch (error) {
      if (this.#target === undefined) await removeTree(run.directory, nodeFs).catch(() => {}); // the first error is the one to tell
      throw error;
    }
    for (const event of this.#early.splice(0)) this.#record.event(event);
    this.#record.log(this.#target === undefined ? "run.started" : "run.resumed", {
      step: resumeFrom?.step ?? 0,
      device,
      drift,
    });
    return this.#record;
  }

  async #loop(run: RunDirectory, prepared: PreparedRun, record: RunRecord): Promise<TrainingResult> {
    const { value: config } = this.#configuration;
    const { model, parts, evaluation, resumeFrom, complete } = prepared;
    const { signal, allowDrift = false } = this.#options;
    const checkpoints = openRunCheckpoints(run.checkpoints, config, prepared);
    // What a named, older checkpoint is followed by belongs to the course that is left now.
    if (resumeFrom !== undefined) await checkpoints.setAsideAfter(resumeFrom.step);
    const { trainer: _name, trainerOptions: _options, ...training } = config.training;
    const profile = this.#options.profile
      ? new StepProfile(join(run.directory, "profile.json"), prepared.device.device)
      : undefined;
    const onEvent: PipelineObserver = (event) => {
      if (event.type === "step") profile?.step(event);
      this.#emit(event);
    };
    const result = await parts.trainer({
      model,
      data: prepared.batches,
      options: training,
      seed: config.seed,
      optimizer: parts.optimizer,
      schedule: parts.schedule,
      ...(evaluation === undefined ? {} : { evaluation }),
      checkpoints: storeOf(checkpoints, record, resumeFrom?.step),
      metrics: record.metrics,
      ...(complete === undefined ? {} : { sample: complete }),
      onEvent,
      ...(signal === undefined ? {} : { signal }),
      ...(resumeFrom === undefined ? {} : { resumeFrom }),
      allowDrift,
      flopsPerToken: flopsPerToken(model, config.data.sequenceLength),
      peakFlops: await measureDevicePeak(),
    });
    const summary = await profile?.finish();
    if (summary !== undefined) this.#emit({ type: "notice", code: "profile.written", message: summary });
    return result;
  }

  /** What stands at the end of a run that was not stopped. */
  async #report(
    { stopReason, evaluation }: TrainingResult,
    { corpus, complete }: PreparedRun,
  ): Promise<Pick<TrainOutcome, "bitsPerByte" | "completion">> {
    const { baselines, prompt } = this.#configuration.value.report;
    const own = evaluation?.bitsPerByte;
    const bitsPerByte: BitsPerByte[] = own === undefined ? [] : [{ name: "this model", bitsPerByte: own }];
    if (stopReason === "signal") return { bitsPerByte, completion: undefined };
    if (baselines.length > 0) {
      this.#emit({ type: "stage", stage: "report", message: `scoring ${baselines.join(" and ")} baselines` });
      bitsPerByte.push(...(await scoreBaselines(corpus, baselines)));
    }
    return { bitsPerByte, completion: prompt === undefined ? undefined : await complete?.() };
  }
}

/** Beside the weights goes what makes the folder a Hugging Face model: its configuration and the tokenizer. */
function openRunCheckpoints(
  directory: string,
  config: CodexConfig,
  { model, tokenizer }: PreparedRun,
): CheckpointDirectory<TrainerState, RunEvaluation> {
  return openCheckpoints<TrainerState, RunEvaluation>(directory, {
    ...config.checkpoints,
    files: { ...tokenizer.saveFiles(), ...modelFiles(model) },
  });
}

/** Records are on the disk before the checkpoint that counts on them. */
function storeOf(
  checkpoints: CheckpointDirectory<TrainerState, RunEvaluation>,
  record: RunRecord,
  resumedAtStep: number | undefined,
): CheckpointStore {
  return {
    async save(contents) {
      await record.sync();
      return checkpoints.save(contents, { replace: contents.step === resumedAtStep });
    },
  };
}
