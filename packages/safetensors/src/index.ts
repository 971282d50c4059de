export { convertToFloat32, type Float32CompatibleDtype, isFloat32Compatible } from "./convert.ts";
export { byteLengthOf, DTYPE_BITS, type Dtype, isDtype } from "./dtype.ts";
export { SafetensorsError, type SafetensorsErrorCode } from "./errors.ts";
export { type OpenSafetensorsOptions, openSafetensors, type TensorReader } from "./file.ts";
export type { HeaderLimits, TensorInfo } from "./header.ts";
export {
  type OpenModelTensorsOptions,
  openModelTensors,
  type WriteModelTensorsOptions,
  type WrittenModelFile,
  writeModelTensors,
} from "./sharded.ts";
export { type TensorData, type WriteSafetensorsOptions, writeSafetensors } from "./write.ts";
