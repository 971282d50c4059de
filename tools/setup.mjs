/**
 * Makes a fresh clone ready: Node's version, the pinned pnpm through npx, dependencies from the frozen lockfile, the build, and the native
 * libraries where there is Rust.
 * Uses nothing but Node, because nothing is installed yet. What is already in place is not done again.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  cargoArguments,
  explainCargoFailure,
  hasCargo,
  LIBRARIES,
  libraryPlace,
  placeLibraries,
} from "./native/build.mjs";

export const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(repository, "node_modules", ".codex-setup");
const manifest = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
export const pnpm = manifest.packageManager;

export class SetupError extends Error {}

/** The environment of every child: local binaries first, and Node's own headers when the installation carries them. */
export function childEnvironment() {
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, "include", "node", "node_api.h")) ? { npm_config_nodedir: prefix } : {};
  const path = [join(repository, "node_modules", ".bin"), process.env.PATH].join(
    process.platform === "win32" ? ";" : ":",
  );
  // `npm run --silent` hands its silence on to the npx below, whose errors are what explains a failure.
  return {
    ...process.env,
    ...headers,
    npm_config_loglevel: "error",
    PATH: path,
    TURBO_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
  };
}

/**
 * Runs a command with one line that says what is being done and for how long; its output is shown only when it fails.
 * @returns what it printed
 */
export async function step(label, command, args, options = {}) {
  const started = Date.now();
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(0)} s`;
  const live = process.stderr.isTTY === true;
  const write = (text) => process.stderr.write(live ? `\r\x1b[2K${text}` : `${text}\n`);
  const timer = setInterval(() => write(`  ${label} ... ${seconds()}`), live ? 1000 : 15_000);
  if (!live) write(`  ${label} ...`);
  let output = "";
  const code = await new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: repository,
      env: childEnvironment(),
      shell: process.platform === "win32",
      ...options,
    });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => {
      output += error.message;
      resolve(127);
    });
    child.on("close", resolve);
  }).finally(() => clearInterval(timer));
  if (code === 0) {
    if (live || Date.now() - started > 1000) write(`  ${label}: done in ${seconds()}${live ? "\n" : ""}`);
    return output;
  }
  if (live) write("");
  throw Object.assign(new SetupError(`${label} failed (exit code ${code})`), { output });
}

/** @throws {SetupError} for a Node that is too old */
export function requireNode(version = process.versions.node) {
  const [major, minor] = version.split(".").map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  if (!supported) {
    throw new SetupError(
      `Node ${version} is too old: Codex needs ${manifest.engines.node}. Install a current Node and run this again.`,
    );
  }
}

function hasCompiler() {
  const found = (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0;
  return found("make") && (found(process.env.CXX ?? "c++") || found("g++") || found("clang++"));
}

/** Turns the output of a failed installation into the one thing that is missing. */
export function explainInstallFailure(output, compilerPresent = hasCompiler()) {
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network (request )?(error|failed|timed out)|error sending request/i.test(
      output,
    )
  ) {
    return "The package registry cannot be reached. Check the network (or the registry in your .npmrc) and run this again.";
  }
  if (/gyp ERR|node-gyp|better-sqlite3.*(install|build)/i.test(output) && !compilerPresent) {
    return "No C++ compiler: better-sqlite3 has to be compiled here. Install make and a C++ compiler (Debian: apt-get install build-essential; macOS: xcode-select --install) and run this again.";
  }
  if (/frozen-lockfile|OUTDATED_LOCKFILE/i.test(output)) {
    return `pnpm-lock.yaml does not fit the package.json files. Run: npx ${pnpm} install`;
  }
  return undefined;
}

function fingerprint() {
  const hash = createHash("sha256").update(process.version + process.platform + process.arch);
  const manifests = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];
  for (const folder of ["packages", "apps", "examples"]) {
    for (const name of readdirSync(join(repository, folder)).sort()) {
      const file = join(folder, name, "package.json");
      if (existsSync(join(repository, file))) manifests.push(file);
    }
  }
  for (const file of manifests) hash.update(file).update(readFileSync(join(repository, file)));
  return hash.digest("hex");
}

/**
 * Everything between a clone and a running `codex`.
 * @param requiresNative - whether native libraries that do not compile end it; without cargo they are left out either way
 */
export async function setup({ requiresNative = false } = {}) {
  requireNode();
  const wanted = fingerprint();
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== wanted) {
    try {
      await step(`installing dependencies (${pnpm})`, "npx", ["--yes", pnpm, "install", "--frozen-lockfile"]);
    } catch (error) {
      const reason = explainInstallFailure(error.output ?? "");
      if (reason) throw new SetupError(reason);
      throw new SetupError(`${error.message}:\n${endOf(error)}`);
    }
    mkdirSync(dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, wanted);
  }
  try {
    await step("building the packages", "npx", [
      "--yes",
      pnpm,
      "exec",
      "turbo",
      "run",
      "build",
      "--output-logs=errors-only",
    ]);
  } catch (error) {
    throw new SetupError(`${error.message}:\n${endOf(error)}`);
  }
  await buildLibraries(requiresNative);
}

const INSTEAD = "Codex uses the next device, and tokenizers run in TypeScript";

/** Without the native libraries Codex runs, slower; why is said in one line. */
export async function buildLibraries(areRequired) {
  if (!hasCargo()) {
    const areThere = Object.keys(LIBRARIES).every((name) => existsSync(libraryPlace(name)));
    const instead = areThere ? "those that were built before are used" : INSTEAD;
    process.stderr.write(`  no cargo (https://rustup.rs): the native libraries are not built, ${instead}\n`);
    return;
  }
  try {
    placeLibraries(await step("building the native libraries", "cargo", cargoArguments()));
  } catch (error) {
    const reason = explainCargoFailure(error.output ?? "");
    if (areRequired) throw new SetupError(`the native libraries do not build: ${reason ?? `\n${endOf(error)}`}`);
    process.stderr.write(`  the native libraries do not build (${INSTEAD}): ${reason ?? "cargo build says why"}\n`);
  }
}

/** The last lines of what a command said; cargo's list of files is for us. */
function endOf(error) {
  const lines = (error.output ?? "").trim().split("\n");
  return lines
    .filter((line) => !line.startsWith('{"reason"'))
    .slice(-25)
    .join("\n");
}

/** Runs `main` and turns a SetupError into one line and exit code 1. */
export async function run(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

/** Runs a child with its output passed through; resolves to its exit code, and forwards the signals of a terminal. */
export function passThrough(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: repository, env: childEnvironment(), stdio: "inherit", ...options });
    const forward = (signal) => child.kill(signal);
    process.on("SIGINT", forward).on("SIGTERM", forward);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", forward).off("SIGTERM", forward);
      resolve(code ?? (signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 1));
    });
  });
}
