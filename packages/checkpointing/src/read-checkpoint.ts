import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { TextDecoder } from "node:util";
import { openSafetensors, SafetensorsError } from "@codex/safetensors";
import { type DurableFs, errnoOf, exists, nodeFs, readFully, StorageError, toStorageError } from "@codex/storage";
import type { Evaluation, HostTensor, LoadedCheckpoint } from "./contents.ts";
import { CheckpointError } from "./errors.ts";
import { MANIFEST_NAME, type Manifest, type ManifestFile, parseManifest } from "./manifest.ts";
import { MODEL_FILE, OPTIMIZER_FILE, TRAINER_FILE } from "./write-checkpoint.ts";

export interface LoadCheckpointOptions {
  fs?: DurableFs;
  /** Shapes the parameters must have, by name: all of these and no others. Default: any. */
  expectedShapes?: ReadonlyMap<string, readonly number[]>;
}

/**
 * Checks every byte of a checkpoint against its manifest, then reads it.
 *
 * @typeParam TrainerState - what the trainer stored; @typeParam Values - the evaluation. Both are for their owner to check.
 * @throws {CheckpointError} `CHECKPOINT_NOT_FOUND`, `CHECKPOINT_CORRUPT` (naming the file, with the expected and the
 *   found hash), `CHECKPOINT_SCHEMA_UNSUPPORTED`, `CHECKPOINT_SHAPE_MISMATCH`
 */
export async function loadCheckpoint<TrainerState extends object = object, Values extends Evaluation = Evaluation>(
  path: string,
  { fs = nodeFs, expectedShapes }: LoadCheckpointOptions = {},
): Promise<LoadedCheckpoint<TrainerState, Values>> {
  const manifest = await verifyCheckpoint(path, { fs });
  const parameters = await readTensors(join(path, MODEL_FILE), fs);
  for (const [name, storedAs] of manifest.tied) {
    const tensor = parameters.get(storedAs);
    if (!tensor)
      throw new CheckpointError(
        "CHECKPOINT_CORRUPT",
        `${path}: ${name}: expected tied weight ${storedAs}, there is none`,
      );
    parameters.set(name, tensor);
  }
  if (expectedShapes) checkShapes(path, parameters, expectedShapes);
  return {
    path,
    step: manifest.step,
    parameters,
    optimizer: await readTensors(join(path, OPTIMIZER_FILE), fs),
    trainer: await readJson<TrainerState>(join(path, TRAINER_FILE), fs),
    ...(Object.keys(manifest.evaluation).length > 0 && { evaluation: manifest.evaluation as Values }),
  };
}

/**
 * Hashes every file of a checkpoint and compares with its manifest.
 *
 * @returns the manifest
 * @throws {CheckpointError} `CHECKPOINT_NOT_FOUND`, `CHECKPOINT_CORRUPT`, `CHECKPOINT_SCHEMA_UNSUPPORTED`
 */
export async function verifyCheckpoint(path: string, { fs = nodeFs }: { fs?: DurableFs } = {}): Promise<Manifest> {
  const manifest = await readManifest(path, fs);
  for (const file of manifest.files) await verifyFile(join(path, file.name), file, fs);
  return manifest;
}

/** Reads the manifest and compares the sizes of the files: finds missing and cut ones without reading the rest. */
export async function readManifest(path: string, fs: DurableFs): Promise<Manifest> {
  if (!(await exists(path, fs)))
    throw new CheckpointError("CHECKPOINT_NOT_FOUND", `${path}: expected a checkpoint, there is none`);
  const manifestPath = join(path, MANIFEST_NAME);
  const manifest = parseManifest(await readText(manifestPath, fs), manifestPath);
  const named = /^step-(\d{8,15})$/.exec(basename(path))?.[1];
  if (named !== undefined && Number(named) !== manifest.step) {
    throw new CheckpointError(
      "CHECKPOINT_CORRUPT",
      `${manifestPath}: expected step ${Number(named)}, found ${manifest.step}`,
    );
  }
  for (const { name, size } of manifest.files) {
    const file = join(path, name);
    const found = await fs.stat(file).catch((error: unknown) => {
      throw unreadable(error, file);
    });
    if (found.size !== size) {
      throw new CheckpointError("CHECKPOINT_CORRUPT", `${file}: expected ${size} bytes, found ${found.size}`, {
        help: CORRUPT_HELP,
      });
    }
  }
  for (const name of [MODEL_FILE, OPTIMIZER_FILE, TRAINER_FILE]) {
    if (!manifest.files.some((file) => file.name === name)) {
      throw new CheckpointError("CHECKPOINT_CORRUPT", `${manifestPath}: expected an entry for ${name}, there is none`);
    }
  }
  return manifest;
}

const CORRUPT_HELP = "Resume from an earlier checkpoint: `--resume` finds the newest that is whole.";
const CHUNK_BYTES = 1024 * 1024;

async function verifyFile(path: string, { size, sha256 }: ManifestFile, fs: DurableFs): Promise<void> {
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK_BYTES);
  await withFile(path, fs, async (file) => {
    for (let at = 0; at < size; ) {
      const read = await readFully(file, chunk.subarray(0, Math.min(CHUNK_BYTES, size - at)), at);
      if (read === 0) return; // cut since its size was read: the hash will differ
      hash.update(chunk.subarray(0, read));
      at += read;
    }
  });
  const found = hash.digest("hex");
  if (found !== sha256) {
    throw new CheckpointError("CHECKPOINT_CORRUPT", `${path}: expected SHA-256 ${sha256}, found ${found}`, {
      help: CORRUPT_HELP,
    });
  }
}

async function readTensors(path: string, fs: DurableFs): Promise<Map<string, HostTensor>> {
  try {
    await using reader = await openSafetensors(path, { fs });
    const tensors = new Map<string, HostTensor>();
    for (const { name, dtype, shape } of reader.tensors.values()) {
      if (dtype === "I32") tensors.set(name, { dtype, shape, data: new Int32Array((await reader.read(name)).buffer) });
      else tensors.set(name, { dtype: "F32", shape, data: await reader.readFloat32(name) });
    }
    return tensors;
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw unreadable(cause, path);
    throw new CheckpointError("CHECKPOINT_CORRUPT", cause.message, { cause });
  }
}

/** @throws {CheckpointError} `CHECKPOINT_CORRUPT` when the file is missing or holds something else */
export async function readJson<T>(path: string, fs: DurableFs): Promise<T> {
  const text = await readText(path, fs);
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new CheckpointError("CHECKPOINT_CORRUPT", `${path}: expected JSON, found something else`, { cause });
  }
}

async function readText(path: string, fs: DurableFs): Promise<string> {
  const bytes = await withFile(path, fs, async (file) => {
    const target = new Uint8Array(await file.size());
    return target.subarray(0, await readFully(file, target, 0));
  });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError("CHECKPOINT_CORRUPT", `${path}: expected UTF-8, found other bytes`, {
      cause,
      help: CORRUPT_HELP,
    });
  }
}

async function withFile<T>(
  path: string,
  fs: DurableFs,
  use: (file: Awaited<ReturnType<DurableFs["open"]>>) => Promise<T>,
): Promise<T> {
  try {
    const file = await fs.open(path, "r");
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(error, path);
  }
}

/** A file that is missing or that the disk cannot read is damage; a lack of rights or of file handles is not. */
function unreadable(error: unknown, path: string): Error {
  const errno = errnoOf(error instanceof StorageError ? error.cause : error);
  if (errno !== "ENOENT" && errno !== "EIO") return toStorageError(error, "read", path);
  const found = errno === "ENOENT" ? "there is none" : "the disk cannot read it (EIO)";
  return new CheckpointError("CHECKPOINT_CORRUPT", `${path}: expected a file, ${found}`, {
    cause: error,
    help: CORRUPT_HELP,
  });
}

function checkShapes(
  path: string,
  parameters: ReadonlyMap<string, HostTensor>,
  expected: ReadonlyMap<string, readonly number[]>,
): void {
  const problems: string[] = [];
  for (const [name, shape] of expected) {
    const found = parameters.get(name);
    if (!found) problems.push(`${name}: expected [${shape}], the checkpoint has none`);
    else if (found.shape.join() !== shape.join()) problems.push(`${name}: expected [${shape}], found [${found.shape}]`);
  }
  for (const [name, { shape }] of parameters) {
    if (!expected.has(name)) problems.push(`${name}: expected none, found [${shape}]`);
  }
  if (problems.length === 0) return;
  const shown = problems.slice(0, 10).join("; ");
  const more = problems.length > 10 ? `; and ${problems.length - 10} more` : "";
  throw new CheckpointError("CHECKPOINT_SHAPE_MISMATCH", `${join(path, MODEL_FILE)}: ${shown}${more}`, {
    help: "Is this the checkpoint of another model? Compare its config.json with your configuration: vocabulary, width, layers.",
  });
}
