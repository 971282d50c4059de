/**
 * Lets plain Node run the TypeScript sources of the workspace, for child processes of tests and scripts:
 *
 *   node --conditions=@codex/source --import <repo>/tools/jest/register-typescript.mjs child.ts
 *
 * Types are removed by swc with the settings of `jest.config.mjs`. Results are kept under `node_modules/.cache`, so
 * that the tests that start a child sixty times pay for the compiler once.
 */
import { register } from "node:module";

register("./typescript-loader.mjs", import.meta.url);
