/**
 * What the loop asks of the others: a model, data, an optimizer, a place for checkpoints, a place for metrics. Each is
 * the small shape that is called here; other packages satisfy them by structure and are not imported.
 *
 * Letters: `B` rows of a batch, `T` positions of a row.
 */
import type { Scalar, Tensor, Tensor2D, Variable } from "@tensorflow/tfjs-core";
import type { TrainerState } from "./trainer-state.ts";

/** A weight under its Hugging Face name. The model owns the variable. */
export interface Parameter {
  readonly name: string;
  readonly variable: Variable;
  /** Frozen parameters get no gradient and are not touched. Read once, when training starts. */
  trainable: boolean;
}

/** One micro-batch on the device. The loop creates and disposes it. */
export interface TrainingBatch {
  /** `[B, T]` int32 */
  readonly inputIds: Tensor2D;
  /** `[B, T]` int32; `labels[b, t]` is the target of position `t` (already shifted), -100 where there is none. */
  readonly labels: Tensor2D;
  /** `[B, T]` int32; positions attend only within equal ids. */
  readonly documentIds?: Tensor2D;
  /** `[B, T]` int32 */
  readonly positionIds?: Tensor2D;
}

export interface LossContext {
  /** Whether dropout is on. */
  readonly training: boolean;
  /** Philox key of this micro-step: a function of seed, step and micro-step. The model numbers its dropout sites. */
  readonly dropoutKey?: readonly [number, number];
}

/** Sums, not means: that is what makes accumulation and evaluation independent of how samples are cut into batches. */
export interface LossSum {
  /** Negative log likelihood in nats, summed over the targets. Differentiable in the parameters. */
  readonly lossSum: Scalar;
  /** Number of labels that are not -100. */
  readonly targetCount: Scalar;
}

export interface TrainableModel {
  /** Where the vocabulary is stated, token ids and labels outside of it are refused before they reach the device. */
  readonly config?: { readonly vocabSize: number };
  parameters(): ReadonlyMap<string, Parameter>;
  loss(batch: TrainingBatch, context: LossContext): LossSum;
}

/** One micro-batch on the host. Arrays are row-major `[rows, sequenceLength]`. */
export interface HostBatch {
  readonly rows: number;
  readonly sequenceLength: number;
  readonly inputIds: Int32Array;
  readonly labels: Int32Array;
  readonly documentIds?: Int32Array;
  readonly positionIds?: Int32Array;
  /** One per row: what an error names, and what order tests compare. */
  readonly sampleIds: readonly number[];
  /** UTF-8 bytes of the targets' text; with it, evaluation gives bits per byte. */
  readonly byteCount?: number;
}

/** Training data as a pure function of its arguments: the order is a function of seed and epoch, nothing is replayed. */
export interface BatchSource {
  readonly samplesPerEpoch: number;
  /** Samples `indexInEpoch .. indexInEpoch + rows` of that epoch's order. Never asked to reach past the epoch's end. */
  batch(epoch: number, indexInEpoch: number, rows: number): Promise<HostBatch> | HostBatch;
}

/** Held-out data: a fixed order, every target once, however many rows a batch has. */
export interface EvaluationSource {
  batches(rows: number): AsyncIterable<HostBatch> | Iterable<HostBatch>;
}

export interface OptimizerStep {
  readonly parameters: readonly Parameter[];
  /** One per parameter, of its shape. The caller disposes them. */
  readonly gradients: readonly Tensor[];
  /**
   * What every gradient is still to be multiplied by: clipping, and the division by the number of targets. If it is NaN or infinite, the
   * step changes nothing, neither parameters nor state. Only an optimizer that says `usesGradientScale` gets one.
   */
  readonly gradientScale?: Scalar;
  readonly learningRate: number;
  /** From 1. */
  readonly step: number;
}

export interface Optimizer {
  readonly name: string;
  /**
   * True if `step` heeds `gradientScale`. Gradients are then not copied to be clipped, and the step is enqueued before the loss is read,
   * so that the device has work meanwhile. Without it the gradients come scaled, and only once loss and gradients are known to be finite.
   */
  readonly usesGradientScale?: boolean;
  /** Updates the parameters in place. */
  step(args: OptimizerStep): void;
  /** State by name: `<parameter>.<PyTorch's word>`, as in `lm_head.weight.exp_avg`. The optimizer owns the variables. */
  state(): ReadonlyMap<string, Variable>;
  /** Replaces the state. Copies; the caller disposes its tensors. */
  loadState(tensors: ReadonlyMap<string, Tensor>): void;
  dispose(): void;
}

/** Learning rate at a 0-based optimizer step. A pure function, so that there is no scheduler state to save. */
export type Schedule = (step: number) => number;

/** A tensor off the device: float32 or int32, row-major. */
export interface HostTensor {
  readonly dtype: "F32" | "I32";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** Everything a run needs to go on, as it stood after `step` optimizer steps. */
export interface TrainingCheckpoint {
  readonly step: number;
  readonly parameters: ReadonlyMap<string, HostTensor>;
  readonly optimizer: ReadonlyMap<string, HostTensor>;
  readonly trainer: TrainerState;
  /** The evaluation made at this very step, if there was one. */
  readonly evaluation?: { readonly lossNats: number };
}

export interface CheckpointStore {
  /** The step of `resumeFrom` comes again if the evaluation that was due there had not been made: this one replaces it. */
  save(contents: TrainingCheckpoint): Promise<{ path: string }>;
}

export interface MetricValue {
  /** Optimizer steps done. */
  readonly step: number;
  readonly split: "train" | "validation" | "test";
  readonly metric: string;
  readonly value: number;
  /** `{ kind: "throughput" }` marks what differs from run to run; everything without it is reproducible. */
  readonly tags?: Record<string, string>;
}

/** Not an observer: a sink that fails (disk full) ends the run. */
export interface MetricSink {
  metric(record: MetricValue): void | Promise<void>;
}
