import { fileURLToPath } from "node:url";

/** The folder of this package, from `src` and from `dist` alike. */
export const packageDirectory = fileURLToPath(new URL("..", import.meta.url));
