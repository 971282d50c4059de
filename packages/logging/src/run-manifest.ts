import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, hostname, release, totalmem } from "node:os";
import { redactArguments, redactEnvironment, redactValue } from "@codex/safety";
import { type DurableFs, errnoOf, toStorageError, writeFileDurably } from "@codex/storage";
import { LoggingError } from "./errors.ts";
import { type GitState, readGitState } from "./git-state.ts";
import { hashLockfile, type LockfileHash, readPackageVersions } from "./package-versions.ts";
import { runPaths } from "./run-directory.ts";

/** Where a run comes from. The keys are those of `manifest.json`. */
export interface RunManifest {
  readonly schema_version: 1;
  readonly run_id: string;
  /** ISO 8601, UTC. */
  readonly created_at: string;
  /** The command line, without the path of Node. */
  readonly command: readonly string[];
  /** The seed of each named stream: `{ init: 1, data: 1 }`. */
  readonly seeds: Readonly<Record<string, number>>;
  readonly git: GitState | null;
  readonly packages: Readonly<Record<string, string>>;
  readonly lockfile: LockfileHash | null;
  readonly machine: MachineDescription;
  /** Those variables that change results or speed; secrets are redacted. */
  readonly environment: Readonly<Record<string, string>>;
  /** Every file that was read as data. */
  readonly data: readonly DataChecksum[];
  /** What else the writer wants to keep: device, configuration hash, the run that this one goes on from. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface MachineDescription {
  readonly hostname: string;
  /** As `process.platform`. */
  readonly platform: string;
  readonly os_release: string;
  readonly architecture: string;
  readonly cpu_model: string;
  readonly cpu_count: number;
  /** CPUs that this process may use. */
  readonly available_parallelism: number;
  readonly memory_bytes: number;
  readonly node_version: string;
}

export interface DataChecksum {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface CollectOptions {
  readonly runId: string;
  readonly seeds: Readonly<Record<string, number>>;
  readonly data: readonly DataChecksum[];
  readonly details?: Readonly<Record<string, unknown>>;
  /** Folder of the user's project: its git state, lockfile and dependencies. Default: the working directory. */
  readonly projectDirectory?: string;
  /** Folders of further packages whose dependencies' versions are recorded. */
  readonly packageDirectories?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly now?: Date;
}

/**
 * Prefixes of the variables that are kept: those of Codex, of thread pools, of numerics and of devices. Everything else
 * stays out: an environment is full of other people's matters.
 */
const ENVIRONMENT_PREFIXES = [
  ...["CODEX_", "NODE_OPTIONS", "UV_THREADPOOL_SIZE", "OMP_", "KMP_", "MKL_", "OPENBLAS_", "SLURM_JOB"],
  ...["TF_ENABLE_", "TF_DETERMINISTIC_", "TF_NUM_", "TF_FORCE_", "TF_XLA_", "CUDA_", "CUBLAS_", "NVIDIA_"],
];

/** Asks the machine, git and the package manager's files for what a manifest says. Nothing secret is in the result. */
export async function collectRunManifest(options: CollectOptions): Promise<RunManifest> {
  const { projectDirectory = process.cwd(), environment = process.env, command = process.argv.slice(1) } = options;
  const kept = Object.entries(environment).filter(([name]) =>
    ENVIRONMENT_PREFIXES.some((prefix) => name.startsWith(prefix)),
  );
  const [git, lockfile, packages] = await Promise.all([
    readGitState(projectDirectory),
    hashLockfile(projectDirectory),
    readPackageVersions([...(options.packageDirectories ?? []), projectDirectory]),
  ]);
  return redactValue({
    schema_version: 1,
    run_id: options.runId,
    created_at: (options.now ?? new Date()).toISOString(),
    command: redactArguments(command),
    seeds: options.seeds,
    git,
    packages,
    lockfile,
    machine: describeMachine(),
    environment: redactEnvironment(Object.fromEntries(kept)),
    data: options.data,
    details: options.details ?? {},
  } satisfies RunManifest) as RunManifest;
}

/** Writes `manifest.json` durably: the old one or the new one is there, never half of one. */
export async function writeRunManifest(
  runDirectory: string,
  manifest: RunManifest,
  options: { fs?: DurableFs } = {},
): Promise<void> {
  await writeFileDurably(
    runPaths(runDirectory).manifest,
    `${JSON.stringify(redactValue(manifest), null, 2)}\n`,
    options,
  );
}

/** @throws {LoggingError} `LOGGING_MANIFEST_INVALID`, `LOGGING_SCHEMA_UNKNOWN` */
export async function readRunManifest(runDirectory: string): Promise<RunManifest> {
  const { manifest: path } = runPaths(runDirectory);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    if (errnoOf(cause) !== "ENOENT" && errnoOf(cause) !== "ENOTDIR") throw toStorageError(cause, "read", path);
    throw new LoggingError(
      "LOGGING_MANIFEST_INVALID",
      `${path}: expected the manifest of a run, there is no such file`,
      {
        cause,
        help: "Is this a run directory? Those of a project are in its folder runs/.",
      },
    );
  });
  let manifest: Partial<RunManifest> | null;
  try {
    manifest = JSON.parse(text) as Partial<RunManifest> | null;
  } catch (cause) {
    throw new LoggingError("LOGGING_MANIFEST_INVALID", `${path}: expected JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  const version: unknown = manifest?.schema_version;
  if (typeof version === "number" && version > 1) {
    throw new LoggingError("LOGGING_SCHEMA_UNKNOWN", `${path}: expected schema_version 1, got ${version}`, {
      help: "The run was made by a newer version of Codex: update to read it.",
    });
  }
  if (version !== 1 || typeof manifest?.run_id !== "string" || typeof manifest.created_at !== "string") {
    throw new LoggingError(
      "LOGGING_MANIFEST_INVALID",
      `${path}: expected schema_version 1 with run_id and created_at, got ${text.slice(0, 60).trim()}`,
    );
  }
  return manifest as RunManifest;
}

function describeMachine(): MachineDescription {
  const processors = cpus();
  return {
    hostname: hostname(),
    platform: process.platform,
    os_release: release(),
    architecture: process.arch,
    cpu_model: processors[0]?.model.trim() ?? "unknown",
    cpu_count: processors.length,
    available_parallelism: availableParallelism(),
    memory_bytes: totalmem(),
    node_version: process.versions.node,
  };
}
