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
  register(): Promise<{ backend: string; threads: number; deterministic: boolean; isa?: string; bfloat16?: string }>;
}

const PACKAGE = "@codex/engine";
const ENABLE = `Run \`npm install ${PACKAGE}\`.`;

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
        return absent("engine", reason, "Install versions of both packages that fit.", "TENSOR_OP_SET_MISMATCH");
      }
      const { backend, threads, deterministic, isa, bfloat16 } = await module.register();
      await initializeBackend(backend);
      const details = [isa, bfloat16 && `bfloat16 by ${bfloat16}`, `op set ${module.opSetVersion}`].filter(Boolean);
      return {
        found: true,
        reason: `native kernels: ${details.join(", ")}`,
        backend,
        version: module.version,
        threads,
        deterministic,
        enable: "",
      };
    } catch (error) {
      // What the engine throws says what to do; a setting that cannot be used is not the lack of a device.
      const { code, help } = error as { code?: unknown; help?: unknown };
      const enable = typeof help === "string" ? help : `Install ${PACKAGE} again.`;
      if (code === "ENGINE_SETTING_INVALID") {
        return absent("engine", messageOf(error), "Correct or unset it.", "TENSOR_DEVICE_SETTING_INVALID");
      }
      return absent("engine", `${PACKAGE} is installed but does not load: ${messageOf(error)}`, enable);
    }
  },
};
