/**
 * Builds the native engine for this platform into packages/engine/native, where the package looks first. Cargo decides what is to be done again.
 * usage: node tools/native/build.mjs [--profile dev]
 * Exit code 0 when it is built, 3 when there is no cargo: then Codex runs on the next device.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const LIBRARY = {
  linux: "libcodex_engine_napi.so",
  darwin: "libcodex_engine_napi.dylib",
  win32: "codex_engine_napi.dll",
};

export function hasCargo() {
  return spawnSync("cargo", ["--version"], { stdio: "ignore" }).status === 0;
}

/** @returns {{ status: number, output: string }} of cargo */
export function buildNative(platformName, profile = "release") {
  const cargo = spawnSync("cargo", ["build", "--locked", "--profile", profile, "-p", "codex-engine-napi"], {
    cwd: repository,
    encoding: "utf8",
  });
  const output = `${cargo.stdout}${cargo.stderr}`;
  if (cargo.status !== 0) return { status: cargo.status ?? 127, output };
  const target = process.env.CARGO_TARGET_DIR ?? join(repository, "target");
  const built = join(target, profile === "dev" ? "debug" : profile, LIBRARY[process.platform] ?? LIBRARY.linux);
  const folder = join(repository, "packages", "engine", "native");
  const place = join(folder, `codex-engine.${platformName}.node`);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(place) || statSync(place).mtimeMs < statSync(built).mtimeMs) {
    // A process may have the old one mapped: it keeps it, because the name moves to a new file.
    copyFileSync(built, `${place}.new`);
    renameSync(`${place}.new`, place);
  }
  return { status: 0, output };
}

/** As napi-rs names platforms; packages/engine/src/binding.ts looks for the same name. */
export function platformName() {
  const { platform, arch } = process;
  if (platform === "win32") return `win32-${arch}-msvc`;
  if (platform !== "linux") return `${platform}-${arch}`;
  let musl = false;
  try {
    musl = readFileSync("/usr/bin/ldd", "utf8").includes("musl");
  } catch {
    musl = process.report?.getReport().header?.glibcVersionRuntime === undefined;
  }
  return `linux-${arch}-${musl ? "musl" : "gnu"}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!hasCargo()) {
    console.error("no cargo: the native engine is not built; Codex runs on the next device that it finds");
    process.exit(3);
  }
  const flag = process.argv.indexOf("--profile");
  const { status, output } = buildNative(platformName(), flag > 0 ? process.argv[flag + 1] : "release");
  if (status !== 0) console.error(output);
  process.exitCode = status;
}
