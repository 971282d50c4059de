/** Lets the files of `bin/` run without a build: what they import from `dist` comes from `src`. */
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

// Node loads this file twice: with `--import`, and again in its loader thread, where `resolve` below is the hook.
if (isMainThread) register(import.meta.url);

export function resolve(specifier, context, nextResolve) {
  return nextResolve(specifier === "../dist/program.js" ? "../src/program.ts" : specifier, context);
}
