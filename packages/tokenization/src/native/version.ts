import { createRequire } from "node:module";

/** Of this package, and of the native library that fits it. */
export const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
