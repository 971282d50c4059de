import { pathToFileURL } from "node:url";
import { OP_SET } from "../op-set.ts";
import { absent, type Device, messageOf } from "./device.ts";
import { initializeBackend } from "./initialize-backend.ts";
import { resolveFrom } from "./tensorflow.ts";

/** What `@codex/engine` exports for this. Stated here, because the two are published apart. */
export interface EngineModule {
  readonly version: string;
  /** The version of `OP_SET` whose kernels it has. */
  readonly opSetVersion: number;
  /** Registers backend and kernels with TensorFlow.js. */
  register(): Promise<{ backend: string; threads: number; deterministic: boolean }>;
}

const PACKAGE = "@codex/engine";
const ENABLE = "The native engine has not been released yet.";

/** The native backend, if the user has installed it. */
export const engineDevice: Device = {
  name: "engine",
  async load(projectDirectory) {
    const path = resolveFrom(projectDirectory, PACKAGE);
    if (path === undefined) return absent("engine", `${PACKAGE} is not installed`, ENABLE);
    try {
      const module = (await import(pathToFileURL(path).href)) as EngineModule;
      if (module.opSetVersion !== OP_SET.version) {
        const versions = `op set ${module.opSetVersion}, @codex/tensor needs ${OP_SET.version}`;
        const reason = `${PACKAGE} ${module.version} implements ${versions}`;
        return absent("engine", reason, `Install versions of both packages that fit.`, "TENSOR_OP_SET_MISMATCH");
      }
      const { backend, threads, deterministic } = await module.register();
      await initializeBackend(backend);
      return {
        found: true,
        reason: "native kernels",
        backend,
        version: module.version,
        threads,
        deterministic,
        enable: "",
      };
    } catch (error) {
      return absent("engine", `${PACKAGE} is installed but does not load: ${messageOf(error)}`, ENABLE);
    }
  },
};
