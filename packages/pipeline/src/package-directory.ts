import { fileURLToPath } from "node:url";

/** The folder of this package, from `src` and from `dist` alike. */
export const packageDirectory = fileURLToPath(new URL("..", import.meta.url));

/** The configurations that ship with Codex: the build copies `configs/` of the repository into the package. */
export const shippedConfigs = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../../configs" : "./configs", import.meta.url),
);
