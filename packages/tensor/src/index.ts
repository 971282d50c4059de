import { registerGradients } from "./gradients/register.ts";

export type { DeviceName, DeviceReport, DeviceSelection } from "./devices/device.ts";
export { type DeviceOptions, probeDevices, selectDevice } from "./devices/select-device.ts";
export { TensorError, type TensorErrorCode } from "./errors.ts";
export { registerGradients } from "./gradients/register.ts";
export { OP_SET } from "./op-set.ts";
export { accumulate } from "./ops/accumulate.ts";
export type { Activation } from "./ops/activation.ts";
export { type AdamWArguments, adamW } from "./ops/adamw.ts";
export { type AttentionMaskOptions, type AttentionOptions, attention, type HeadLayout } from "./ops/attention.ts";
export { cacheAppend } from "./ops/cache-append.ts";
export { clipByGlobalNorm } from "./ops/clip-by-global-norm.ts";
export { type DropoutAttributes, dropout } from "./ops/dropout.ts";
export { embedding } from "./ops/embedding.ts";
export { type GeluOptions, gelu } from "./ops/gelu.ts";
export { globalNorm } from "./ops/global-norm.ts";
export { layerNorm } from "./ops/layer-norm.ts";
export { type LinearOptions, linear } from "./ops/linear.ts";
export { type LinearCrossEntropyOptions, linearCrossEntropy } from "./ops/linear-cross-entropy.ts";
export { rmsNorm } from "./ops/rms-norm.ts";
export { type RotaryEmbeddingOptions, rotaryEmbedding } from "./ops/rotary-embedding.ts";
export { type SampleOptions, sample } from "./ops/sample.ts";
export { type SelfAttentionOptions, selfAttention } from "./ops/self-attention.ts";
export { type SgdArguments, sgd } from "./ops/sgd.ts";
export { swiglu } from "./ops/swiglu.ts";
export { hasPrecision, type PreciseBackend, type Precision, usePrecision } from "./precision.ts";
export { type KernelRun, startProfile } from "./profile.ts";
export {
  createStepRecorder,
  type RecordableStep,
  type RecordingBackend,
  type StepRecorder,
} from "./step-recorder.ts";
export { type PiecewiseBackend, tensorFromPieces } from "./tensor-from-pieces.ts";

registerGradients();
