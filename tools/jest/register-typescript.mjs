/**
 * Lets plain Node run the TypeScript sources of the workspace, for child processes of tests and scripts:
 *
 *   node --conditions=@codex/source --import <repo>/tools/jest/register-typescript.mjs child.ts
 *
 * Types are removed by swc with the settings of `jest.config.mjs`. Results are kept under `node_modules/.cache`, so
 * that the tests that start a child sixty times pay for the compiler once.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread, threadId } from "node:worker_threads";

// Node loads this file twice: with `--import`, and again in its loader thread, where `load` below is the hook.
if (isMainThread) register(import.meta.url);

const cacheDirectory = fileURLToPath(new URL("../../node_modules/.cache/register-typescript/", import.meta.url));

async function transpile(path) {
  const source = readFileSync(path, "utf8");
  const cached = `${cacheDirectory}${createHash("sha256").update(path).update("\0").update(source).digest("hex")}.mjs`;
  try {
    return readFileSync(cached, "utf8");
  } catch {
    const { transformSync } = await import("@swc/core");
    const { code } = transformSync(source, {
      filename: path,
      jsc: { parser: { syntax: "typescript", explicitResourceManagement: true }, target: "es2022" },
      module: { type: "es6" },
      sourceMaps: "inline",
      swcrc: false,
    });
    mkdirSync(cacheDirectory, { recursive: true });
    const temporary = `${cached}.${process.pid}-${threadId}`;
    writeFileSync(temporary, code);
    renameSync(temporary, cached);
    return code;
  }
}

export async function load(url, context, nextLoad) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context);
  return { format: "module", source: await transpile(fileURLToPath(url)), shortCircuit: true };
}
