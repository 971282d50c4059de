import { createStream, type RandomStream } from "@codex/random";
import { dispose, mul, tidy } from "@tensorflow/tfjs-core";
import { takeCheckpoint } from "./checkpoint.ts";
import type { HostBatch, Optimizer, Parameter, Schedule } from "./contracts.ts";
import { patienceIsExhausted, recordEvaluation } from "./early-stopping.ts";
import { TrainingError } from "./errors.ts";
import { type EvaluationResult, evaluateLoss } from "./evaluate.ts";
import type { EventEmitter } from "./event-emitter.ts";
import type { StepEvent, StopReason } from "./events.ts";
import { computeStepGradients, type MicroStep, type StepGradients, type StepReport } from "./gradients.ts";
import { explainNotFinite } from "./not-finite.ts";
import type { TrainingOptions } from "./options.ts";
import { type MicroBatchRequest, planStep } from "./position.ts";
import type { StepRunner } from "./step-runner.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { TrainArguments, TrainingResult } from "./train.ts";
import type { TrainerState } from "./trainer-state.ts";

/** The arguments of `train`, with everything that was left out filled in. */
export interface PreparedRun extends Omit<TrainArguments, "options" | "schedule" | "optimizer"> {
  readonly options: TrainingOptions;
  readonly maxSteps: number;
  readonly schedule: Schedule;
  readonly optimizer: Optimizer;
  readonly trainable: readonly Parameter[];
  readonly runner: StepRunner;
  readonly events: EventEmitter;
}

/** One call of `train`: the state that a checkpoint holds, and what is only of this call. */
export class TrainingRun {
  readonly #run: PreparedRun;
  readonly #dropout: RandomStream;
  readonly #stopwatch: Stopwatch;
  #state: TrainerState;
  #evaluation: { step: number; result: EvaluationResult } | undefined;
  #checkpoint: { step: number; path: string } | undefined;
  #lossNats: number | undefined;

  constructor(run: PreparedRun, state: TrainerState) {
    this.#run = run;
    this.#state = state;
    this.#dropout = createStream(run.seed, "dropout");
    this.#stopwatch = new Stopwatch(state.step);
  }

  get state(): TrainerState {
    return this.#state;
  }

  async toTheEnd(): Promise<TrainingResult> {
    const { events, signal } = this.#run;
    const startStep = this.#state.step; // nothing to save there, or saved already, but for an evaluation that was due
    this.#start();
    let reason: StopReason | undefined;
    while (reason === undefined) {
      await this.#evaluateIfDue();
      await this.#sampleIfDue();
      reason = this.#stopReason();
      const { step } = this.#state;
      const isNew = step > startStep || (step > 0 && this.#evaluation?.step === step);
      if (isNew && (reason !== undefined || isDue(step, this.#run.options.checkpointEverySteps))) await this.#save();
      reason ??= this.#stopReason(); // A save takes time: an abort during it must not cost another step.
      if (reason === undefined) await this.#takeStep();
    }
    events.emit({ type: "stop", step: this.#state.step, reason });
    return {
      stopReason: reason,
      signalReason: reason === "signal" ? signal?.reason : undefined,
      step: this.#state.step,
      tokensSeen: this.#state.tokensSeen,
      lossNats: this.#lossNats,
      evaluation: this.#evaluation?.result,
      bestEvaluation: this.#state.bestEvaluation,
      checkpoint: this.#checkpoint,
      trainer: this.#state,
      warnings: [...events.warnings],
    };
  }

  #start(): void {
    const { events, trainable, model, maxSteps, options, evaluation, resumeFrom } = this.#run;
    const { step } = this.#state;
    const size = (parameters: Iterable<Parameter>) =>
      [...parameters].reduce((sum, { variable }) => sum + variable.size, 0);
    const trainableParameters = size(trainable);
    events.emit({
      type: "start",
      step,
      maxSteps,
      resumed: resumeFrom !== undefined,
      trainableParameters,
      frozenParameters: size(model.parameters().values()) - trainableParameters,
    });
    if (options.warmupSteps >= maxSteps) {
      events.emit({
        type: "warning",
        step,
        code: "TRAINING_WARMUP_UNFINISHED",
        message: `warmupSteps is ${options.warmupSteps}, the run has ${maxSteps} steps: the learning rate never reaches its peak`,
      });
    }
    if (options.earlyStopping !== undefined && evaluation === undefined) {
      events.emit({
        type: "warning",
        step,
        code: "TRAINING_EVALUATION_MISSING",
        message: "earlyStopping is set, but there is no held-out data: the run will not stop early",
      });
    }
  }

  /** One optimizer step. The state moves on only when all of it is done. */
  async #takeStep(): Promise<void> {
    const { model, optimizer, options, trainable, events, runner } = this.#run;
    this.#stopwatch.startStep();
    const step = this.#state.step + 1;
    const learningRate = this.#run.schedule(step - 1);
    if (!(learningRate >= 0 && Number.isFinite(learningRate))) {
      throw new TrainingError(
        "TRAINING_OPTIONS_INVALID",
        `schedule: expected a finite learning rate from 0 at step ${step - 1}, got ${learningRate}`,
      );
    }
    const { requests, next } = planStep(this.#state, this.#state.samplesPerEpoch, options);
    const microSteps: MicroStep[] = [];
    for (const [index, request] of requests.entries()) {
      const batch = await this.#batch(request);
      const dropoutKey = this.#dropout.substream(`step ${step}, micro-step ${index + 1}`).key;
      microSteps.push({ batch, context: { training: true, dropoutKey } });
    }
    const sampleIds = Object.freeze(microSteps.flatMap(({ batch }) => batch.sampleIds));
    const computed = await computeStepGradients(model, trainable, microSteps, options.maxGradNorm, runner);
    let measured: StepReport;
    try {
      // First the update, then the wait: an optimizer that heeds the scale changes nothing if something is not finite.
      if (optimizer.usesGradientScale) this.#update(computed, step, learningRate);
      measured = await computed.report();
      if (measured.targets === 0) throw noTargets(step, sampleIds);
      if (!Number.isFinite(measured.lossNats) || !Number.isFinite(measured.gradientNorm)) {
        throw await explainNotFinite(model, trainable, microSteps, step);
      }
      if (!optimizer.usesGradientScale) this.#update(computed, step, learningRate);
    } finally {
      computed.release();
    }
    const tokens = microSteps.reduce((sum, { batch }) => sum + batch.rows * batch.sequenceLength, 0);
    const { epoch } = this.#state;
    this.#state = { ...this.#state, ...next, step, tokensSeen: this.#state.tokensSeen + tokens };
    this.#lossNats = measured.lossNats;
    await this.#report({
      type: "step",
      step,
      epoch,
      ...measured,
      learningRate,
      tokens,
      sampleIds,
      stepTimeMs: this.#stopwatch.endStep(tokens),
    });
    if (next.epoch !== epoch) events.emit({ type: "epoch", step, epoch });
  }

  #update({ gradients, gradientScale }: StepGradients, step: number, learningRate: number): void {
    const { optimizer, trainable: parameters } = this.#run;
    if (optimizer.usesGradientScale) {
      optimizer.step({ parameters, gradients, gradientScale, learningRate, step });
      return;
    }
    const scaled = tidy(() => gradients.map((gradient) => mul(gradient, gradientScale)));
    try {
      optimizer.step({ parameters, gradients: scaled, learningRate, step });
    } finally {
      dispose(scaled);
    }
  }

  async #batch({ epoch, indexInEpoch, rows }: MicroBatchRequest): Promise<HostBatch> {
    const batch = await this.#run.data.batch(epoch, indexInEpoch, rows);
    if (batch.rows === rows && batch.sampleIds.length === rows) return batch;
    throw new TrainingError(
      "TRAINING_BATCH_INVALID",
      `epoch ${epoch}, sample ${indexInEpoch}: expected a batch of ${rows} rows and as many sampleIds, got ${batch.rows} and ${batch.sampleIds.length}`,
      { help: "samplesPerEpoch must be the number of samples that the source really has." },
    );
  }

  async #report(event: StepEvent): Promise<void> {
    const { events, maxSteps, options, flopsPerToken, peakFlops } = this.#run;
    const { step, epoch, lossNats, learningRate, gradientNorm } = event;
    const tokensPerSecond = (1000 * event.tokens) / event.stepTimeMs;
    await this.#record("train", { loss: lossNats, learning_rate: learningRate, gradient_norm: gradientNorm });
    await this.#record("train", { tokens_seen: this.#state.tokensSeen });
    await this.#record(
      "train",
      { tokens_per_second: tokensPerSecond, step_time_ms: event.stepTimeMs },
      { kind: "throughput" },
    );
    events.emit(event);
    if (options.logEverySteps === 0 || !(isDue(step, options.logEverySteps) || step === maxSteps)) return;
    const report = this.#stopwatch.report(step, maxSteps);
    events.emit({
      type: "progress",
      step,
      maxSteps,
      epoch,
      lossNats,
      learningRate,
      gradientNorm,
      ...report,
      shareOfPeak: flopsPerToken && peakFlops ? (report.tokensPerSecond * flopsPerToken) / peakFlops : undefined,
    });
  }

  /** Whether the evaluation of this step is due and has not been made, be it in this call or before a resume. */
  #evaluationIsPending(): boolean {
    const { evaluation, options, maxSteps } = this.#run;
    const { step, evaluatedAtStep } = this.#state;
    if (evaluation === undefined || options.evaluationEverySteps === 0 || evaluatedAtStep === step) return false;
    return step === 0 ? options.evaluationOnStart : step === maxSteps || isDue(step, options.evaluationEverySteps);
  }

  async #evaluateIfDue(): Promise<void> {
    const { evaluation, options, model, signal, events } = this.#run;
    const { step } = this.#state;
    if (evaluation === undefined || !this.#evaluationIsPending() || signal?.aborted) return;
    const started = performance.now();
    const result = await evaluateLoss(model, evaluation, {
      batchSize: options.evaluationBatchSize ?? options.batchSize,
      maxBatches: options.evaluationBatches,
      signal,
    });
    if (result === undefined) return; // Aborted: a resumed run makes this evaluation first.
    const recorded = recordEvaluation(this.#state, step, result.lossNats, options.earlyStopping?.minDelta ?? 0);
    this.#state = { ...this.#state, ...recorded, evaluatedAtStep: step };
    this.#evaluation = { step, result };
    const { lossNats, perplexity, bitsPerByte } = result;
    await this.#record("validation", {
      loss: lossNats,
      perplexity,
      ...(bitsPerByte !== undefined && { bits_per_byte: bitsPerByte }),
    });
    const best = recorded.bestEvaluation?.step === step;
    events.emit({ type: "evaluation", step, ...result, best, durationMs: performance.now() - started });
  }

  async #sampleIfDue(): Promise<void> {
    const { sample, options, signal, events } = this.#run;
    const { step, sampledAtStep } = this.#state;
    if (sample === undefined || !isDue(step, options.sampleEverySteps) || sampledAtStep === step || signal?.aborted)
      return;
    const text = await sample(step);
    this.#state = { ...this.#state, sampledAtStep: step };
    events.emit({ type: "sample", step, text });
  }

  async #save(): Promise<void> {
    const { checkpoints, model, optimizer, events } = this.#run;
    const { step } = this.#state;
    if (checkpoints === undefined || this.#checkpoint?.step === step) return;
    const started = performance.now();
    const evaluation = this.#evaluation?.step === step ? this.#evaluation.result : undefined;
    const { path } = await checkpoints.save(
      await takeCheckpoint({ model, optimizer, trainer: this.#state, evaluation }),
    );
    this.#checkpoint = { step, path };
    events.emit({ type: "checkpoint", step, path, durationMs: performance.now() - started });
  }

  #stopReason(): StopReason | undefined {
    const { maxSteps, signal, options } = this.#run;
    // An abort that kept the last evaluation from being made is an interruption even at the last step.
    if (this.#state.step >= maxSteps && !this.#evaluationIsPending()) return "completed";
    if (patienceIsExhausted(this.#state, options.earlyStopping)) return "earlyStopping";
    return signal?.aborted ? "signal" : undefined;
  }

  async #record(
    split: "train" | "validation",
    values: Record<string, number>,
    tags?: Record<string, string>,
  ): Promise<void> {
    const { step } = this.#state;
    for (const [metric, value] of Object.entries(values)) {
      await this.#run.metrics?.metric({ step, split, metric, value, ...(tags && { tags }) });
    }
  }
}

function isDue(step: number, everySteps: number): boolean {
  return step > 0 && everySteps > 0 && step % everySteps === 0;
}

function noTargets(step: number, sampleIds: readonly number[]): TrainingError {
  return new TrainingError(
    "TRAINING_NO_TARGETS",
    `step ${step}, samples ${sampleIds.join(", ")}: expected at least one target, every label is -100`,
    { help: "Leave out samples whose answer was cut off, or use a longer sequence." },
  );
}
