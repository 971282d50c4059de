/** Both ways to encode: the native library, where it is built, and the TypeScript code. */
import type { Tokenizer } from "@codex/tokenization";
import { nativeLibrary } from "../src/native/binding.ts";

const { binding, reason } = nativeLibrary();
const isAbsent = /there is no native library|CODEX_TOKENIZER_NATIVE/.test(reason ?? "");
// One that is there and does not load must not pass for one that was not built: its tests would be skipped.
if (binding === undefined && !isAbsent) throw new Error(reason);
export const native = binding;

export type Implementation = "native" | "typescript";

/** Those that are here. */
export const IMPLEMENTATIONS: readonly Implementation[] =
  native === undefined ? ["typescript"] : ["native", "typescript"];

/** A tokenizer that encodes in one of the two ways. */
export async function using<T extends Tokenizer>(
  implementation: Implementation,
  create: () => T | Promise<T>,
): Promise<T> {
  const before = process.env["CODEX_TOKENIZER_NATIVE"];
  process.env["CODEX_TOKENIZER_NATIVE"] = implementation === "native" ? "1" : "0";
  try {
    const tokenizer = await create();
    tokenizer.encode("the encoder is made on first use");
    return tokenizer;
  } finally {
    if (before === undefined) delete process.env["CODEX_TOKENIZER_NATIVE"];
    else process.env["CODEX_TOKENIZER_NATIVE"] = before;
  }
}
