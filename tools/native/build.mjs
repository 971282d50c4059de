/**
 * Builds the native libraries for this platform into packages/<package>/native, where the package looks first. Cargo decides what has to be done
 * again. `npm run build`, `npm test` and `npm run quickstart` come here; alone it shows cargo's own output:
 *
 *   node tools/native/build.mjs [--profile dev]
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What is built: the crate, the package that it belongs to, and how the file there begins. */
export const LIBRARIES = {
  engine: { crate: "codex-engine-napi", package: "engine", file: "codex-engine" },
  tokenizer: { crate: "codex-tokenizer-napi", package: "tokenization", file: "codex-tokenizer" },
};

export function hasCargo() {
  return spawnSync("cargo", ["--version"], { stdio: "ignore" }).status === 0;
}

/** What cargo is asked; its diagnostics go to stderr, and stdout names the files that it made. */
export function cargoArguments(profile = "release") {
  const messages = "--message-format=json-render-diagnostics";
  const crates = Object.values(LIBRARIES).flatMap(({ crate }) => ["-p", crate]);
  return ["build", "--locked", "--profile", profile, ...crates, messages];
}

/** As napi-rs names platforms; the packages look for the same name. */
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

/** Where the addon of a platform stands once it is built. */
export function libraryPlace(name, platform = platformName()) {
  const library = LIBRARIES[name];
  return join(repository, "packages", library.package, "native", `${library.file}.${platform}.node`);
}

export function enginePlace(platform) {
  return libraryPlace("engine", platform);
}

/** Puts the libraries that cargo says it made where their packages look for them. */
export function placeLibraries(cargoOutput) {
  for (const [name, { crate }] of Object.entries(LIBRARIES)) {
    placeLibrary(builtLibrary(cargoOutput, crate.replaceAll("-", "_")), libraryPlace(name));
  }
}

function placeLibrary(built, place) {
  if (existsSync(place) && statSync(place).mtimeMs >= statSync(built).mtimeMs) return;
  mkdirSync(dirname(place), { recursive: true });
  // A process may have the old one mapped: it keeps it, because the name moves to a new file.
  copyFileSync(built, `${place}.new`);
  renameSync(`${place}.new`, place);
}

/** The dynamic library among the files that cargo names, wherever a target directory or a default target of the user's puts it. */
export function builtLibrary(cargoOutput, library) {
  for (const line of cargoOutput.split("\n")) {
    if (!line.startsWith('{"reason":"compiler-artifact"')) continue;
    const { target, filenames } = JSON.parse(line);
    const found = target.name === library && filenames.find((name) => /\.(so|dylib|dll)$/.test(name));
    if (found) return found;
  }
  throw new Error(`cargo names no library ${library}`);
}

/** Turns the output of a failed cargo into the one thing that is in the way. */
export function explainCargoFailure(output) {
  const old =
    /rustc (\S+) is not supported|requires rustc (\S+)|feature `edition2024` is required|lock file version `?4`? requires|`resolver` setting/;
  if (old.test(output)) {
    return `Rust is too old: the native libraries need ${requiredRust()} (rustup update, or https://rustup.rs).`;
  }
  if (
    /could not resolve host|couldn't connect|failed to (connect|download|fetch|get)|network failure|unable to update registry|spurious network error|offline mode/i.test(
      output,
    )
  ) {
    return "the registry of Rust packages (crates.io) cannot be reached. Check the network, or CARGO_HOME's config.toml.";
  }
  if (/linker `?\S+`? not found|linking with `\S+` failed: .*No such file/i.test(output)) {
    return "there is no linker. Install a C compiler (Debian: apt-get install build-essential; macOS: xcode-select --install).";
  }
  if (/lock file .* needs to be updated|cannot update the lock file/i.test(output)) {
    return "Cargo.lock does not fit the Cargo.toml files. Run: cargo metadata";
  }
  return undefined;
}

function requiredRust() {
  return /rust-version = "([^"]+)"/.exec(readFileSync(join(repository, "Cargo.toml"), "utf8"))?.[1];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flag = process.argv.indexOf("--profile");
  const { status, stdout } = spawnSync("cargo", cargoArguments(flag > 0 ? process.argv[flag + 1] : undefined), {
    cwd: repository,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  if (status === 0) placeLibraries(stdout);
  process.exitCode = status ?? 127;
}
