/**
 * Makes `@tensorflow/tfjs-node` 4.22 (or `-gpu`) run on the libraries of a current TensorFlow wheel.
 *
 * The package's own installer downloads a libtensorflow of 2022 and often finds none; its binding, though, uses only TensorFlow's C API, which
 * the wheels on the Python package index export. So: install the package without its scripts, unpack the wheel with pip, link the wheel's
 * headers and libraries to where the binding looks for them, and compile the binding (about ten seconds).
 *
 * Linux only: the wheels of other systems name and place their libraries differently. What was tried: docs/guides/tensorflow.md.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
// biome-ignore lint/style/noRestrictedImports: it writes into node_modules, nothing of a run; what a crash leaves is made again by running it again.
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { TensorError } from "./errors.ts";

const TFJS_VERSION = "4.22.0";
/** The newest TensorFlow that this was tried with. */
const TENSORFLOW_VERSION = "2.21.0";

export interface SetupTensorflowOptions {
  /** The project whose `node_modules` gets the package. Default: the current directory. */
  readonly directory?: string;
  /** Build `@tensorflow/tfjs-node-gpu` on the `tensorflow` wheel instead. CUDA and cuDNN must be found by the loader; without them it computes on the processor. */
  readonly gpu?: boolean;
  /** A wheel file or a requirement for pip; default `tensorflow-cpu==2.21.0` (`tensorflow==2.21.0` with `gpu`). */
  readonly wheel?: string;
  /** The Python that has pip. Default: `CODEX_PYTHON`, then `python3`. */
  readonly python?: string;
  /** One line about each step as it begins. */
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface SetupTensorflowResult {
  readonly packageName: "@tensorflow/tfjs-node" | "@tensorflow/tfjs-node-gpu";
  /** The folder of the package that was built. */
  readonly packageDirectory: string;
  /** What the loaded library says of itself, for example `2.21.0`. */
  readonly tensorflowVersion: string;
  /** True when TensorFlow sees a GPU; without one the package computes on the processor. */
  readonly usesGpu: boolean;
  /** One line for a person. */
  readonly summary: string;
}

/** Runs a command; its last lines become part of the error when it fails. */
async function execute(
  command: string,
  args: readonly string[],
  options: { cwd: string; signal?: AbortSignal | undefined; env?: NodeJS.ProcessEnv; what: string; help: string },
): Promise<string> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.signal ? { signal: options.signal } : {}),
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const failure = await new Promise<string | undefined>((settle) => {
    child.on("error", (error) => settle(error.message));
    child.on("close", (code, signal) =>
      settle(code === 0 ? undefined : signal ? `signal ${signal}` : `exit code ${code}`),
    );
  });
  if (failure === undefined) return output;
  const tail = `${output}\n${errors}`.trim().split("\n").slice(-12).join("\n");
  throw new TensorError("TENSOR_SETUP_FAILED", `${options.what}: ${command} ended with ${failure}\n${tail}`, {
    help: options.help,
  });
}

async function installPackage(
  packageName: string,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const locate = (): string | undefined => {
    try {
      return dirname(createRequire(join(directory, "noop.js")).resolve(`${packageName}/package.json`));
    } catch {
      return undefined;
    }
  };
  if (locate() === undefined) {
    const usesPnpm = existsSync(join(directory, "pnpm-lock.yaml"));
    const [command, verb] = usesPnpm ? ["pnpm", "add"] : ["npm", "install"];
    await execute(command, [verb, "--ignore-scripts", `${packageName}@${TFJS_VERSION}`], {
      cwd: directory,
      signal,
      what: `installing ${packageName}`,
      help: "Check the network and the registry, or install the package yourself with --ignore-scripts and run this again.",
    });
  }
  const found = locate();
  if (found === undefined) {
    throw new TensorError(
      "TENSOR_SETUP_FAILED",
      `${packageName} was installed, but cannot be resolved from ${directory}`,
      {
        help: "Is there a package.json in that folder?",
      },
    );
  }
  return found;
}

async function unpackWheel(
  requirement: string,
  target: string,
  python: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const stamp = join(target, "requirement.txt");
  if (!existsSync(stamp) || (await readFile(stamp, "utf8")) !== requirement) {
    await rm(target, { recursive: true, force: true });
    await mkdir(target, { recursive: true });
    await execute(
      python,
      ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", target, requirement],
      {
        cwd: target,
        signal,
        what: `unpacking ${requirement}`,
        help: "Python 3 with pip is needed to fetch the wheel: set CODEX_PYTHON, or pass the path of a wheel that you have.",
      },
    );
    await writeFile(stamp, requirement);
  }
  return join(target, "tensorflow");
}

/** `libtensorflow_cc.so.2` and `libtensorflow_framework.so.2`: by their own names for the loader, without the number for the linker. */
async function linkLibraries(tensorflow: string, packageDirectory: string): Promise<void> {
  const deps = join(packageDirectory, "deps");
  await rm(deps, { recursive: true, force: true });
  await mkdir(join(deps, "lib"), { recursive: true });
  await symlink(relative(deps, join(tensorflow, "include")), join(deps, "include"));
  const files = await readdir(tensorflow);
  for (const [library, alias] of [
    ["libtensorflow_cc.so.2", "libtensorflow.so"],
    ["libtensorflow_framework.so.2", "libtensorflow_framework.so"],
  ] as const) {
    if (!files.includes(library)) {
      throw new TensorError(
        "TENSOR_SETUP_FAILED",
        `${tensorflow}: expected ${library}, found ${files.filter((name) => name.includes(".so")).join(", ") || "no library"}`,
        {
          help: `TensorFlow ${TENSORFLOW_VERSION} for Linux is known to work.`,
        },
      );
    }
    await symlink(relative(join(deps, "lib"), join(tensorflow, library)), join(deps, "lib", library));
    await symlink(library, join(deps, "lib", alias));
  }
}

/** Loads the built package in a process of its own, so that a library that crashes does not take this one with it. */
const PROBE = `
const util = require("util");
for (const [name, test] of [["isNullOrUndefined", (x) => x == null], ["isArray", Array.isArray]]) util[name] ??= test;
const tf = require(process.argv[1]);
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.eye(2)).dataSync().join();
if (product !== "1,2,3,4") throw new Error("a matrix product gave " + product);
console.log(JSON.stringify({ version: tf.backend().binding.TF_Version, usesGpu: tf.backend().isUsingGpuDevice }));
`;

/**
 * Sets TensorFlow up in a project. Safe to run again: what is there is kept, the binding is compiled anew.
 * @throws {TensorError} `TENSOR_SETUP_FAILED` with the step that failed and the end of its output
 */
export async function setupTensorflow(options: SetupTensorflowOptions = {}): Promise<SetupTensorflowResult> {
  const { gpu = false, signal } = options;
  const say = options.onProgress ?? (() => {});
  const directory = resolve(options.directory ?? ".");
  const packageName = gpu ? "@tensorflow/tfjs-node-gpu" : "@tensorflow/tfjs-node";
  if (process.platform !== "linux") {
    throw new TensorError("TENSOR_SETUP_FAILED", `setting up TensorFlow: expected Linux, this is ${process.platform}`, {
      help: `Install ${packageName} with its own installer: npm install ${packageName}`,
    });
  }
  const requirement = options.wheel ?? `${gpu ? "tensorflow" : "tensorflow-cpu"}==${TENSORFLOW_VERSION}`;

  say(`installing ${packageName} ${TFJS_VERSION} without its install script`);
  const packageDirectory = await installPackage(packageName, directory, signal);

  say(`fetching and unpacking ${requirement} (several hundred megabytes)`);
  const python = options.python ?? process.env["CODEX_PYTHON"] ?? "python3";
  const target = join(directory, "node_modules", ".cache", gpu ? "tensorflow-gpu" : "tensorflow");
  const tensorflow = await unpackWheel(requirement, target, python, signal);
  await linkLibraries(tensorflow, packageDirectory);

  say("compiling the binding");
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, "include", "node", "node_api.h")) ? { npm_config_nodedir: prefix } : {};
  await execute("npx", ["--no-install", "node-pre-gyp", "install", "--build-from-source"], {
    cwd: packageDirectory,
    signal,
    env: { ...process.env, ...headers },
    what: "compiling the binding",
    help: "A C++17 compiler, make and Python 3 are needed (Debian: apt-get install build-essential).",
  });

  say("loading it");
  const loaded = await execute(process.execPath, ["-e", PROBE, packageDirectory], {
    cwd: directory,
    signal,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" },
    what: `loading ${packageName}`,
    help: "The end of the output says what the loader or TensorFlow missed.",
  });
  const { version, usesGpu }: { version: string; usesGpu: boolean } = JSON.parse(
    loaded.trim().split("\n").at(-1) ?? "{}",
  );
  const place =
    gpu && !usesGpu
      ? "no usable GPU was found, so it computes on the processor"
      : usesGpu
        ? "on the GPU"
        : "on the processor";
  return {
    packageName,
    packageDirectory,
    tensorflowVersion: version,
    usesGpu,
    summary: `${packageName} ${TFJS_VERSION} runs on TensorFlow ${version}: ${place}`,
  };
}
