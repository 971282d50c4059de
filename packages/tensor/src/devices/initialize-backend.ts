import { engine, setBackend } from "@tensorflow/tfjs-core";
import { TensorError } from "../errors.ts";

/** Starts a registered backend, then makes the one that was current before current again, if there was one. */
export async function initializeBackend(backend: string): Promise<void> {
  const before = engine().backendName as string | undefined | null;
  const started = await setBackend(backend);
  if (before != null && before !== backend) await setBackend(before);
  if (!started) throw new TensorError("TENSOR_DEVICE_ABSENT", `backend ${backend}: could not be started`);
}
