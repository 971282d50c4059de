/** From a configuration to a run: data, tokenizer, model, the loop, checkpoints, records, and the report at the end. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type CheckpointDirectory, type LoadedCheckpoint, loadCheckpoint, openCheckpoints } from "@codex/checkpointing";
import { composeConfig } from "@codex/config";
import { createBatchSource, createEvaluationSource } from "@codex/data";
import {
  collectRunManifest,
  createRunDirectory,
  type RunDirectory,
  readRunManifest,
  runPaths,
  writeRunManifest,
} from "@codex/logging";
import { generate, type LanguageModel, modelFiles } from "@codex/models";
import { acquireLock, writeFileDurably } from "@codex/storage";
import { selectDevice } from "@codex/tensor";
import { loadTokenizer, type Tokenizer } from "@codex/tokenization";
import type { CheckpointStore, StopReason, TrainerState, TrainingCheckpoint } from "@codex/training";
import { type Configuration, type LoadOptions, loadConfiguration } from "./configuration/load.ts";
import type { CodexConfig } from "./configuration/schema.ts";
import { measureDevicePeak } from "./device-peak.ts";
import { configurationDrift, dataDrift, refuseDrift } from "./drift.ts";
import { PipelineError } from "./errors.ts";
import type { PipelineEvent, PipelineObserver } from "./events.ts";
import { isRunDirectory, latestRun, loadNewest, runOfCheckpoint } from "./locate.ts";
import { flopsPerToken } from "./model-flops.ts";
import { packageDirectory } from "./package-directory.ts";
import { openCorpus, tokenize } from "./prepare-data.ts";
import { prepareModel } from "./prepare-model.ts";
import { prepareTokenizer, tokenizerHash } from "./prepare-tokenizer.ts";
import { type BitsPerByte, scoreBaselines } from "./baselines.ts";
import { refreshRunIndex } from "./run-index.ts";
import { openRunRecord, type RunRecord } from "./run-record.ts";
import { createTrainingParts } from "./training-parts.ts";

export interface TrainHooks {
  /** Called with every event, in order. What it throws changes nothing about the run. */
  readonly onEvent?: PipelineObserver;
  /** An abort ends the optimizer step at hand, saves once and resolves. */
  readonly signal?: AbortSignal;
}

export interface TrainOptions extends TrainHooks {
  /** `latest` run of `logging.runsDirectory`, a run directory, or one of its checkpoints. */
  readonly resumeFrom?: string;
  /** Go on although configuration or data changed since the run began. */
  readonly allowDrift?: boolean;
}

export interface TrainOutcome {
  readonly runId: string;
  readonly runDirectory: string;
  readonly stopReason: StopReason;
  /** Optimizer steps done. */
  readonly step: number;
  /** The newest checkpoint: a Hugging Face model folder. */
  readonly checkpoint: string;
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
 * @throws the typed errors of the packages; `PIPELINE_DRIFT`, `PIPELINE_NOTHING_TO_RESUME`, `PIPELINE_RUN_NOT_FOUND`
 */
export async function train(from: Configuration | LoadOptions, options: TrainOptions = {}): Promise<TrainOutcome> {
  const configuration = "registries" in from ? from : await loadConfiguration(from);
  if (options.resumeFrom === undefined) return trainRun(configuration, options, undefined);
  const target = options.resumeFrom === "latest" ? await latestRun(resolve(configuration.directory, configuration.value.logging.runsDirectory)) : options.resumeFrom;
  return trainRun(configuration, options, await locateResume(target));
}

/** Goes on with a run, with the configuration that is saved in it. */
export async function resume(
  directory: string,
  options: TrainHooks & { readonly overrides?: readonly string[]; readonly allowDrift?: boolean } = {},
): Promise<TrainOutcome> {
  const { overrides = [], ...rest } = options;
  const target = await locateResume(directory);
  const configuration = await loadConfiguration({ config: runPaths(target.runDirectory).config, overrides });
  return trainRun(configuration, rest, target);
}

interface ResumeTarget {
  readonly runDirectory: string;
  /** One checkpoint that was named; the newest valid one otherwise. */
  readonly checkpoint: string | undefined;
}

async function locateResume(path: string): Promise<ResumeTarget> {
  const directory = resolve(path);
  if (await isRunDirectory(directory)) return { runDirectory: directory, checkpoint: undefined };
  const runDirectory = await runOfCheckpoint(directory);
  if (runDirectory !== undefined) return { runDirectory, checkpoint: directory };
  throw new PipelineError("PIPELINE_RUN_NOT_FOUND", `${path}: expected a run directory (with config.yaml and manifest.json) or a checkpoint inside one`, {
    help: "`codex runs list` shows the runs.",
  });
}

async function trainRun(configuration: Configuration, options: TrainOptions, target: ResumeTarget | undefined): Promise<TrainOutcome> {
  const { value: config, registries, directory } = configuration;
  const { signal } = options;
  const early: PipelineEvent[] = []; // what happens before there is a run directory to write it to
  let record: RunRecord | undefined;
  const emit: PipelineObserver = (event) => {
    if (record === undefined) early.push(event);
    else record.event(event);
    options.onEvent?.(event);
  };

  // A run that goes on is locked first: another process may be in it.
  using lock = target === undefined ? undefined : await acquireLock(target.runDirectory);
  const drift = target === undefined ? [] : savedConfigurationDrift(target.runDirectory, config);
  refuseDrift(target?.runDirectory ?? "", drift, options.allowDrift === true);

  const device = await selectDevice(config.device, { projectDirectory: directory });
  emit({ type: "stage", stage: "device", message: `${device.device} ${device.version}, ${device.threads} thread${device.threads === 1 ? "" : "s"}` });
  if (!device.deterministic) {
    emit({
      type: "notice",
      code: "device.nondeterministic",
      message: `${device.device} may sum in another order each time: a resumed run follows the same course, but not to the last bit (one thread makes it exact)`,
    });
  }

  const corpus = await openCorpus(config, registries, directory);
  const inputs = await corpus.inputs();
  const bytes = inputs.reduce((sum, input) => sum + input.bytes, 0);
  emit({ type: "stage", stage: "data", message: `${config.data.name}: ${inputs.length} file${inputs.length === 1 ? "" : "s"}, ${(bytes / 1e6).toFixed(1)} MB` });
  if (target !== undefined) {
    const changed = dataDrift((await readRunManifest(target.runDirectory)).data, inputs);
    refuseDrift(target.runDirectory, changed, options.allowDrift === true);
    drift.push(...changed);
  }
  for (const difference of drift) emit({ type: "notice", code: "drift.allowed", message: difference });

  const tokenizer =
    target === undefined
      ? await prepareTokenizer(config, registries, corpus, { onEvent: emit, signal })
      : await loadTokenizer(runPaths(target.runDirectory).tokenizer);
  const tokens = await tokenize(config, corpus, tokenizer, { directory, onEvent: emit, signal });
  let model: LanguageModel | undefined;
  try {
    const { sequenceLength, sampling } = config.data;
    const batches = createBatchSource(tokens.splits.train, { sequenceLength, seed: config.seed, sampling });
    const held = config.training.evaluationEverySteps > 0 || config.data.split.validation > 0;
    const evaluation = held ? createEvaluationSource(tokens.splits.validation, { sequenceLength, isolateDocuments: sampling.isolateDocuments }) : undefined;

    const resumeFrom = target === undefined ? undefined : await loadResumed(target, emit);
    model = await prepareModel(config, registries, tokenizer, resumeFrom?.path);
    const weights = [...model.parameters().values()].reduce((sum, { variable }) => sum + variable.size, 0);
    emit({ type: "stage", stage: "model", message: `${config.model.name}, ${weights.toLocaleString("en")} parameters` });

    const run = target === undefined ? await startRun(configuration, tokenizer, inputs, device) : await continueRun(target, configuration);
    using startedLock = target === undefined ? await acquireLock(run.directory) : undefined;
    emit({ type: "run", runId: run.runId, directory: run.directory });

    await using opened = await openRunRecord(run, config, registries, resumeFrom?.step);
    record = opened;
    for (const event of early) record.event(event);
    record.log(target === undefined ? "run.started" : "run.resumed", { step: resumeFrom?.step ?? 0, device, drift });

    const checkpoints = openRunCheckpoints(run.checkpoints, config, model, tokenizer);
    // What a named, older checkpoint is followed by belongs to the course that is left now.
    if (resumeFrom !== undefined) await checkpoints.setAsideAfter(resumeFrom.step);
    await refreshRunIndex(config, directory, run.directory, emit);
    const parts = await createTrainingParts(config, registries, batches.samplesPerEpoch);
    try {
      const { trainer: trainerName, trainerOptions, ...training } = config.training;
      const trainer = (await registries.of("trainers").resolve(trainerName)).create(trainerOptions as never);
      const result = await trainer({
        model,
        data: batches,
        options: training,
        seed: config.seed,
        ...parts,
        ...(evaluation === undefined ? {} : { evaluation }),
        checkpoints: storeWith(checkpoints, opened),
        metrics: opened.metrics,
        sample: () => complete(config, model as LanguageModel, tokenizer),
        onEvent: emit,
        ...(signal === undefined ? {} : { signal }),
        ...(resumeFrom === undefined ? {} : { resumeFrom: asTrainingCheckpoint(resumeFrom) }),
        allowDrift: options.allowDrift === true,
        flopsPerToken: flopsPerToken(model, sequenceLength),
        peakFlops: await measureDevicePeak(),
      });

      const stopped = result.stopReason === "signal";
      const own = result.evaluation?.bitsPerByte;
      const bitsPerByte: BitsPerByte[] = own === undefined ? [] : [{ name: "this model", bitsPerByte: own }];
      if (!stopped && config.report.baselines.length > 0) {
        emit({ type: "stage", stage: "report", message: `scoring ${config.report.baselines.join(" and ")} baselines` });
        bitsPerByte.push(...(await scoreBaselines(corpus, config.report.baselines)));
      }
      const completion = stopped || config.report.prompt === undefined ? undefined : await complete(config, model, tokenizer);
      opened.log("run.finished", { status: stopped ? "interrupted" : "completed", step: result.step, bitsPerByte, completion: completion ?? null });
      await opened.sync();
      const newest = result.checkpoint?.path ?? resumeFrom?.path;
      return {
        runId: run.runId,
        runDirectory: run.directory,
        stopReason: result.stopReason,
        step: result.step,
        checkpoint: newest ?? run.checkpoints,
        validationLossNats: result.evaluation?.lossNats,
        bitsPerByte,
        prompt: config.report.prompt,
        completion,
      };
    } catch (error) {
      opened.log("run.finished", { status: "failed", message: error instanceof Error ? error.message : String(error) });
      await opened.sync().catch(() => {}); // the error that ended the run is the one to tell
      throw error;
    } finally {
      parts.optimizer.dispose();
      await refreshRunIndex(config, directory, run.directory, emit);
    }
  } finally {
    model?.dispose();
    tokens.close();
  }
}

function loadResumed({ runDirectory, checkpoint }: ResumeTarget, emit: PipelineObserver): Promise<LoadedCheckpoint<TrainerState>> {
  return checkpoint === undefined ? loadNewest(runDirectory, emit) : loadCheckpoint<TrainerState>(checkpoint);
}

/** The saved configuration is complete: nothing is composed into it. */
function savedConfigurationDrift(runDirectory: string, config: CodexConfig): string[] {
  const saved = composeConfig({ config: runPaths(runDirectory).config, searchPath: [] });
  return configurationDrift(saved.value, config);
}

async function startRun(
  { value: config, yaml, overrides, directory }: Configuration,
  tokenizer: Tokenizer,
  data: readonly { path: string; bytes: number; sha256: string }[],
  device: { readonly device: string; readonly version: string; readonly threads: number; readonly deterministic: boolean },
): Promise<RunDirectory> {
  const { runsDirectory, runId } = config.logging;
  const run = await createRunDirectory(resolve(directory, runsDirectory), runId === undefined ? {} : { runId });
  await writeFileDurably(run.config, yaml);
  await writeFileDurably(run.overrides, overrides.map((override) => `${override}\n`).join(""));
  await mkdir(run.tokenizer);
  for (const [name, contents] of Object.entries(tokenizer.saveFiles())) await writeFileDurably(join(run.tokenizer, name), contents);
  const manifest = await collectRunManifest({
    runId: run.runId,
    seeds: { init: config.seed, data: config.seed, dropout: config.seed, sampling: config.report.generation.seed },
    data,
    details: { device, tokenizer_sha256: tokenizerHash(tokenizer) },
    projectDirectory: directory,
    packageDirectories: [packageDirectory],
  });
  await writeRunManifest(run.directory, manifest);
  return run;
}

/** A resumed run keeps its manifest; what drifted stands in the events, and the configuration is the one that holds from here on. */
async function continueRun(target: ResumeTarget, { yaml, overrides }: Configuration): Promise<RunDirectory> {
  const paths = runPaths(target.runDirectory);
  const { run_id: runId } = await readRunManifest(target.runDirectory);
  await writeFileDurably(paths.config, yaml);
  if (overrides.length > 0) await writeFileDurably(paths.overrides, overrides.map((override) => `${override}\n`).join(""));
  return { runId, ...paths };
}

/** Beside the weights goes what makes the folder a Hugging Face model: its configuration and the tokenizer. */
function openRunCheckpoints(directory: string, config: CodexConfig, model: LanguageModel, tokenizer: Tokenizer): CheckpointDirectory<TrainerState> {
  return openCheckpoints<TrainerState>(directory, { ...config.checkpoints, files: { ...tokenizer.saveFiles(), ...modelFiles(model) } });
}

/** The same in the words of the loop, which knows one value of an evaluation. */
function asTrainingCheckpoint({ evaluation, ...rest }: LoadedCheckpoint<TrainerState>): TrainingCheckpoint {
  const lossNats = evaluation?.["lossNats"];
  return { ...rest, ...(lossNats === undefined ? {} : { evaluation: { lossNats } }) };
}

function storeWith(checkpoints: CheckpointDirectory<TrainerState>, record: RunRecord): CheckpointStore {
  return {
    async save(contents) {
      await record.sync();
      return checkpoints.save(contents);
    },
  };
}

async function complete(config: CodexConfig, model: LanguageModel, tokenizer: Tokenizer): Promise<string> {
  const prompt = config.report.prompt ?? "";
  const ids = prompt === "" && tokenizer.endOfTextId !== undefined ? [tokenizer.endOfTextId] : [...tokenizer.encode(prompt)];
  const room = Math.max(1, model.config.maxPositionEmbeddings - ids.length);
  const { tokenIds } = await generate(model, ids, { ...config.report.generation, maxNewTokens: Math.min(config.report.generation.maxNewTokens, room) });
  return prompt + tokenizer.decode(tokenIds);
}
