/** The hook of `register-typescript.mjs`, which Node runs in a thread of its own. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { threadId } from "node:worker_threads";

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
