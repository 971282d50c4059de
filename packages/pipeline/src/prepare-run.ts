/** Everything that a run needs before its first step: what `--dry-run` makes, looks at, and lets go. */
import { type Corpus, createBatchSource, createEvaluationSource, type TokenizedCorpus } from "@codex/data";
import { type RunManifest, readRunManifest, runPaths } from "@codex/logging";
import type { LanguageModel } from "@codex/models";
import { type DeviceSelection, selectDevice, usePrecision } from "@codex/tensor";
import { loadTokenizer, type Tokenizer } from "@codex/tokenization";
import { type BatchSource, type EvaluationSource, restoreCheckpoint } from "@codex/training";
import { createCompletion } from "./completion.ts";
import type { Configuration } from "./configuration/load.ts";
import type { CodexConfig } from "./configuration/schema.ts";
import { dataDrift, refuseDrift } from "./drift.ts";
import { PipelineError } from "./errors.ts";
import type { PipelineObserver } from "./events.ts";
import type { RunCheckpoint } from "./locate.ts";
import { openCorpus, tokenize } from "./prepare-data.ts";
import { prepareModel } from "./prepare-model.ts";
import { prepareTokenizer } from "./prepare-tokenizer.ts";
import { loadResumed, type ResumeTarget, savedConfigurationDrift } from "./resume-target.ts";
import { sayProgress } from "./say-progress.ts";
import { createTrainingParts, type TrainingParts } from "./training-parts.ts";

/** Disposing it frees the model and the optimizer and closes the tokens. */
export interface PreparedRun extends Disposable {
  readonly device: DeviceSelection;
  readonly corpus: Corpus;
  readonly inputs: RunManifest["data"];
  readonly tokenizer: Tokenizer;
  readonly tokens: TokenizedCorpus;
  readonly batches: BatchSource;
  readonly evaluation: EvaluationSource | undefined;
  readonly model: LanguageModel;
  readonly parts: TrainingParts;
  /** The prompt of the report, completed with the weights as they are. */
  readonly complete: (() => Promise<string>) | undefined;
  readonly resumeFrom: RunCheckpoint | undefined;
  /** What differs from the run that goes on, and was allowed to. */
  readonly drift: readonly string[];
}

export interface PrepareOptions {
  readonly onEvent: PipelineObserver;
  readonly signal?: AbortSignal | undefined;
  /** A run that goes on; the caller holds its lock. */
  readonly target?: ResumeTarget | undefined;
  readonly allowDrift?: boolean | undefined;
}

/**
 * Changes nothing but the token cache.
 * @throws the reason of the signal if it is aborted, and the typed errors of the packages
 */
export async function prepareRun(configuration: Configuration, options: PrepareOptions): Promise<PreparedRun> {
  try {
    return await prepare(configuration, options);
  } catch (error) {
    const { signal } = options;
    // What is thrown on the way out of an aborted stage may have been wrapped; an error of ours tells something else.
    if (signal?.aborted && !(error instanceof Error && "code" in error)) throw signal.reason;
    throw error;
  }
}

async function prepare(configuration: Configuration, options: PrepareOptions): Promise<PreparedRun> {
  const { value: config, registries, directory } = configuration;
  const { target, allowDrift = false, signal, onEvent } = options;
  checkReport(config);
  const drift = target === undefined ? [] : savedConfigurationDrift(target, config);
  refuseDrift(target?.runDirectory ?? "", drift, allowDrift);

  const device = await selectDevice(config.device, { projectDirectory: directory });
  sayDevice(device, onEvent);
  using _precision = usePrecision(config.training.precision); // what the device cannot is refused now, not after the data
  signal?.throwIfAborted();

  const corpus = await openCorpus(config, registries, directory);
  const progress = sayProgress(onEvent, "data");
  const inputs = await corpus.inputs({
    onProgress: (soFar) =>
      progress(() => `hashing the input: ${showBytes(soFar.bytes)} of ${showBytes(soFar.totalBytes)}`),
    ...(signal === undefined ? {} : { signal }),
  });
  const bytes = inputs.reduce((sum, input) => sum + input.bytes, 0);
  onEvent({
    type: "stage",
    stage: "data",
    message: `${config.data.name}: ${inputs.length} file${inputs.length === 1 ? "" : "s"}, ${showBytes(bytes)}`,
  });
  if (target !== undefined) {
    const changed = dataDrift((await readRunManifest(target.runDirectory)).data, inputs);
    refuseDrift(target.runDirectory, changed, allowDrift);
    drift.push(...changed);
  }
  for (const difference of drift) onEvent({ type: "notice", code: "drift.allowed", message: difference });
  signal?.throwIfAborted();

  const tokenizer =
    target === undefined
      ? await prepareTokenizer(config, registries, corpus, { onEvent, signal })
      : await loadTokenizer(runPaths(target.runDirectory).tokenizer);
  const cleanUp: (() => void)[] = [];
  const dispose = (): void => {
    for (const clean of cleanUp.splice(0).reverse()) clean();
  };
  try {
    const tokens = await tokenize(config, corpus, tokenizer, { directory, onEvent, signal });
    cleanUp.push(() => tokens.close());
    const { sequenceLength, sampling } = config.data;
    const batches = createBatchSource(tokens.splits.train, { sequenceLength, seed: config.seed, sampling });
    const evaluation =
      config.training.evaluationEverySteps > 0
        ? createEvaluationSource(tokens.splits.validation, {
            sequenceLength,
            isolateDocuments: sampling.isolateDocuments,
          })
        : undefined;
    signal?.throwIfAborted();

    const { model, resumeFrom } = await prepareWeights(configuration, tokenizer, target, onEvent);
    cleanUp.push(() => model.dispose());
    const weights = [...model.parameters().values()].reduce((sum, { variable }) => sum + variable.size, 0);
    onEvent({
      type: "stage",
      stage: "model",
      message: `${config.model.name}, ${weights.toLocaleString("en")} parameters`,
    });
    const complete = createCompletion(config, model, tokenizer);
    const parts = await createTrainingParts(config, registries, batches.samplesPerEpoch);
    cleanUp.push(() => parts.optimizer.dispose());
    // The loop does this again; here a state that does not fit is found while the run is as it was.
    if (resumeFrom !== undefined) restoreCheckpoint(resumeFrom, model, parts.optimizer);
    signal?.throwIfAborted();
    return {
      device,
      corpus,
      inputs,
      tokenizer,
      tokens,
      batches,
      evaluation,
      model,
      parts,
      complete,
      resumeFrom,
      drift,
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** What stands at the end of a run must not fail there. @throws {PipelineError} `PIPELINE_CONFIG_INVALID` */
function checkReport({ data, report, training }: CodexConfig): void {
  if (data.split.validation > 0) return;
  const needs =
    training.evaluationEverySteps > 0
      ? "training.evaluationEverySteps"
      : report.baselines.length > 0
        ? "report.baselines"
        : undefined;
  if (needs === undefined) return;
  throw new PipelineError(
    "PIPELINE_CONFIG_INVALID",
    `data.split.validation: ${needs} expects held-out text, the validation split is set to 0`,
    {
      help: "Hold some of the data out (data.split.validation=0.1), or turn that off: training.evaluationEverySteps=0, report.baselines=[].",
    },
  );
}

/** Of a run that goes on, the checkpoint is loaded, and fits the model: nothing has been changed if it does not. */
async function prepareWeights(
  { value: config, registries, directory }: Configuration,
  tokenizer: Tokenizer,
  target: ResumeTarget | undefined,
  onEvent: PipelineObserver,
): Promise<{ model: LanguageModel; resumeFrom: RunCheckpoint | undefined }> {
  if (target === undefined)
    return { model: await prepareModel(config, registries, tokenizer, { directory }), resumeFrom: undefined };
  if (config.init.from !== undefined) {
    // The folder that the run started from may be gone: the checkpoint's own configuration says the shapes.
    const resumeFrom = await loadResumed(target, undefined, onEvent);
    return {
      model: await prepareModel(config, registries, tokenizer, { directory, resumedFrom: resumeFrom.path }),
      resumeFrom,
    };
  }
  const model = await prepareModel(config, registries, tokenizer, { directory });
  try {
    const shapes = new Map([...model.parameters()].map(([name, { variable }]) => [name, variable.shape]));
    return { model, resumeFrom: await loadResumed(target, shapes, onEvent) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function sayDevice(device: DeviceSelection, onEvent: PipelineObserver): void {
  onEvent({
    type: "stage",
    stage: "device",
    message: `${device.device} ${device.version}, ${device.threads} thread${device.threads === 1 ? "" : "s"}`,
  });
  if (device.deterministic) return;
  onEvent({
    type: "notice",
    code: "device.nondeterministic",
    message: `${device.device} may sum in another order each time: a resumed run follows the same course, but not to the last bit (one thread makes it exact)`,
  });
}

function showBytes(bytes: number): string {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
