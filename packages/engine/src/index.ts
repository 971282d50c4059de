import "@tensorflow/tfjs-backend-cpu";
import { engine, findBackend, findBackendFactory, registerBackend } from "@tensorflow/tfjs-core";
import { EngineBackend } from "./backend.ts";
import { registerKernels } from "./kernels/register.ts";
import { type EngineStats, statsOf } from "./stats.ts";

export { EngineBackend, type EngineSettings, type Precision } from "./backend.ts";
export type { ProfileEvent } from "./binding.ts";
export { EngineError, type EngineErrorCode } from "./errors.ts";
export type { Step, StepRecorder } from "./recording.ts";
export type { EngineStats } from "./stats.ts";
export { version } from "./version.ts";

/** The version of the op set of `@codex/tensor` that the kernels here implement. */
export const opSetVersion = 2;

const NAME = "engine";

let backend: EngineBackend | undefined;

function create(): EngineBackend {
  backend ??= new EngineBackend(engine());
  return backend;
}

registerBackend(NAME, create, 4); // before TensorFlow's own (3), wasm (2) and cpu (1), when a program asks for none
registerKernels();

/**
 * Starts the engine, without making it TensorFlow.js' current backend.
 * @throws {EngineError} `ENGINE_BINARY_ABSENT`, `ENGINE_BINARY_MISMATCH`, `ENGINE_SETTING_INVALID`
 */
export async function register(): Promise<EngineDescription> {
  const { native } = started();
  const { threads, isa } = native;
  const bfloat16 = native.usesBfloat16DotProducts() ? "dot products" : "float32 on rounded operands";
  return { backend: NAME, threads, deterministic: true, isa, bfloat16 };
}

/** What runs here. */
export interface EngineDescription {
  /** Its name in TensorFlow.js. */
  readonly backend: string;
  readonly threads: number;
  /** Whether a program that runs again gets the same bits. */
  readonly deterministic: boolean;
  /** Instruction set of the kernels. */
  readonly isa: string;
  /** How products with `precision: bfloat16` are computed: the way that this processor does faster. */
  readonly bfloat16: "dot products" | "float32 on rounded operands";
}

/** What the engine has done so far in this process. */
export function engineStats(): EngineStats {
  return statsOf(started());
}

function started(): EngineBackend {
  if (findBackendFactory(NAME) === create) create(); // TensorFlow.js would only print why it does not start
  return findBackend(NAME) as EngineBackend;
}
