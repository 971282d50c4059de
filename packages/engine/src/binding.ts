import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { EngineError } from "./errors.ts";
import { version } from "./version.ts";

/** The addon, as `crates/engine-napi` exports it. */
export interface Binding {
  /** A name's place is its number on the wire. */
  kernelNames(): string[];
  /** Of the library. */
  version(): string;
  /** Instruction sets of this processor, the best last. */
  instructionSets(): string[];
  readonly NativeEngine: new (options: { threads?: number; isa?: string; memoryLimit?: number }) => NativeEngine;
}

export interface NativeEngine {
  readonly threads: number;
  readonly isa: string;
  /** Whether products of bfloat16 are dot products of the processor, or float32 on rounded operands: whichever it does faster. */
  usesBfloat16DotProducts(): boolean;
  submit(words: Uint32Array): void;
  upload(handle: number, data: Uint8Array): void;
  startUpload(bytes: number): NativeUpload;
  finishUpload(handle: number, upload: NativeUpload): void;
  read(handle: number, bytes: number): Promise<Buffer>;
  readSync(handle: number, bytes: number): Buffer;
  fence(): void;
  define(program: number, words: Uint32Array): void;
  forget(program: number): void;
  replay(program: number, patches: Uint32Array): void;
  stats(): NativeStats;
  releaseCached(): void;
  /** Since the engine started, on the clock of the profile. */
  clockMs(): number;
  setProfiling(on: boolean): void;
  takeProfile(): ProfileEvent[];
}

/** A content that arrives in pieces. */
export interface NativeUpload {
  append(data: Uint8Array): void;
  discard(): void;
}

export interface NativeStats {
  readonly kernels: number;
  readonly replays: number;
  readonly kernelMs: number;
  readonly bytesInUse: number;
  readonly bytesCached: number;
  readonly bytesPeak: number;
  readonly systemAllocations: number;
}

/** One kernel's run on the engine's thread. */
export interface ProfileEvent {
  readonly name: string;
  /** Shapes of inputs and outputs. */
  readonly shapes: string;
  /** Since the engine started. */
  readonly startMs: number;
  readonly durationMs: number;
}

let loaded: Binding | undefined;

/**
 * Loads the native library: the one that was built in this repository, else the one of the platform's package.
 * @throws {EngineError} `ENGINE_BINARY_ABSENT`, `ENGINE_BINARY_MISMATCH`
 */
export function loadBinding(): Binding {
  if (loaded !== undefined) return loaded;
  const require = createRequire(import.meta.url);
  const platform = platformName();
  const built = fileURLToPath(new URL(`../native/codex-engine.${platform}.node`, import.meta.url));
  const name = existsSync(built) ? built : `@codex/engine-${platform}`;
  let binding: Binding;
  try {
    binding = require(name) as Binding;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new EngineError("ENGINE_BINARY_ABSENT", `engine: no native library for ${platform}: ${reason}`, {
      cause: error,
      help: `Install @codex/engine-${platform}, or, in a clone of the repository, install Rust (cargo) and run \`npm run build\`.`,
    });
  }
  if (binding.version?.() !== version) {
    const found = binding.version?.() ?? "an older one";
    throw new EngineError(
      "ENGINE_BINARY_MISMATCH",
      `engine: the native library ${name} is ${found}, expected ${version}`,
      {
        help: `Install @codex/engine-${platform}@${version}, or, in a clone of the repository, run \`npm run build\`.`,
      },
    );
  }
  loaded = binding;
  return loaded;
}

/** As napi-rs names platforms: `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc`. */
export function platformName(): string {
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
