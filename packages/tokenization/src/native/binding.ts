import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { TrainerBinding } from "./trainer-binding.ts";
import type { UnigramBinding } from "./unigram-binding.ts";
import { version } from "./version.ts";
import type { WordPieceBinding } from "./word-piece-binding.ts";

/** The addon, as `crates/tokenizer-napi` exports it. */
export interface Binding extends TrainerBinding, UnigramBinding, WordPieceBinding {
  /** Of the library. */
  version(): string;
  /** Where the pieces of a text end, in bytes. */
  pieceEnds(preTokenizer: string, text: Uint8Array): Uint32Array;
  readonly NativeEncoder: new (options: NativeEncoderOptions) => NativeEncoder;
}

export interface NativeEncoderOptions {
  /** Id of each byte. */
  readonly byteIds: Uint32Array;
  /** Left id, right id and result for each rank; a left id of 2^32 - 1 marks a rank at which nothing merges. */
  readonly merges: Uint32Array;
  readonly preTokenizer: string;
  /** With `ignore_merges`: bytes of the tokens, where each starts and one more at the end, and their ids. */
  readonly wholePieces?: { readonly bytes: Uint8Array; readonly offsets: Uint32Array; readonly ids: Uint32Array };
}

export interface NativeEncoder {
  encode(text: string): Uint32Array;
  encodeBytes(text: Uint8Array): Uint32Array;
  encodeBatch(texts: readonly (string | Uint8Array)[], threads: number): { ids: Uint32Array; offsets: Uint32Array };
}

/** The native library, or why there is none. */
export type NativeLibrary =
  | { readonly binding: Binding; readonly reason?: undefined }
  | { readonly binding?: undefined; readonly reason: string };

let loaded: NativeLibrary | undefined;

/**
 * The native library of this platform, which does what the TypeScript code of this package does, with the same results. Without it, and
 * with `CODEX_TOKENIZER_NATIVE=0` in the environment, the TypeScript code serves.
 */
export function nativeLibrary(): NativeLibrary {
  if (process.env["CODEX_TOKENIZER_NATIVE"] === "0") return { reason: "CODEX_TOKENIZER_NATIVE is 0" };
  loaded ??= load();
  return loaded;
}

/** The library that was built in this repository, else the one of the platform's package. */
function load(): NativeLibrary {
  const platform = platformName();
  const built = fileURLToPath(new URL(`../../native/codex-tokenizer.${platform}.node`, import.meta.url));
  const name = existsSync(built) ? built : `@codex/tokenization-${platform}`;
  try {
    const binding = createRequire(import.meta.url)(name) as Binding;
    const found = binding.version?.() ?? "an older one";
    if (found === version) return { binding };
    const wanted = `install @codex/tokenization-${platform}@${version}, or run \`npm run build\` in a clone`;
    return { reason: `the native library is ${found}, expected ${version}: ${wanted}` };
  } catch (error) {
    if (name !== built && (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") {
      return { reason: `there is no native library for ${platform}: ${name} is not installed` };
    }
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { reason: `the native library for ${platform} cannot be loaded: ${reason}` };
  }
}

/** As napi-rs names platforms: `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc`. */
function platformName(): string {
  const { platform, arch } = process;
  if (platform === "linux") return `linux-${arch}-${isMusl() ? "musl" : "gnu"}`;
  if (platform === "win32") return `win32-${arch}-msvc`;
  return `${platform}-${arch}`;
}

function isMusl(): boolean {
  try {
    return readFileSync("/usr/bin/ldd", "utf8").includes("musl");
  } catch {
    const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
    return report?.header?.glibcVersionRuntime === undefined;
  }
}
