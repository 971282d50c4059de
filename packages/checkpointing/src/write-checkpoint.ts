import { dirname, join } from "node:path";
import { writeSafetensors } from "@codex/safetensors";
import { commitDirectory, type DurableFs, StorageError, toStorageError, writeFileDurably } from "@codex/storage";
import type { CheckpointContents, HostTensor } from "./contents.ts";
import { CheckpointError } from "./errors.ts";
import { isPlainFileName, MANIFEST_NAME, type ManifestFile, SCHEMA_VERSION, serializeManifest } from "./manifest.ts";

/** Files that users add: `config.json`, `tokenizer.json`, ... */
export type ExtraFiles = Readonly<Record<string, string | Uint8Array>>;

export const MODEL_FILE = "model.safetensors";
export const OPTIMIZER_FILE = "optimizer.safetensors";
export const TRAINER_FILE = "trainer.json";
const OWN_FILES = new Set([MODEL_FILE, OPTIMIZER_FILE, TRAINER_FILE, MANIFEST_NAME]);

/** Room for headers, the manifest and directory entries beside the tensors. */
const OVERHEAD_BYTES = 1024 * 1024;

/**
 * Writes one checkpoint as a whole: it is under `path` when this resolves, and safe from a power loss.
 *
 * @throws {CheckpointError} `CHECKPOINT_DISK_FULL`, `CHECKPOINT_CONTENTS_INVALID`; nothing is left behind
 */
export async function writeCheckpoint(
  path: string,
  contents: CheckpointContents,
  files: ExtraFiles,
  fs: DurableFs,
): Promise<void> {
  const { step, evaluation = {} } = contents;
  const trainer = serializeTrainer(contents.trainer, path);
  const { stored, tied } = withoutTied(contents.parameters);
  const needed = OVERHEAD_BYTES + bytesOf(stored) + bytesOf(contents.optimizer) + trainer.length + sizeOf(files);
  await checkFreeSpace(path, needed, fs);
  try {
    await commitDirectory(
      path,
      async (staging) => {
        const written: ManifestFile[] = [];
        const add = async (name: string, write: (target: string) => Promise<{ size: number; sha256: string }>) => {
          written.push({ name, ...(await write(join(staging, name))) });
        };
        await add(MODEL_FILE, (target) => writeSafetensors(target, stored, { fs }));
        await add(OPTIMIZER_FILE, (target) => writeSafetensors(target, contents.optimizer, { fs }));
        await add(TRAINER_FILE, (target) => writeFileDurably(target, trainer, { fs }));
        for (const [name, content] of Object.entries(files)) {
          await add(name, (target) => writeFileDurably(target, content, { fs }));
        }
        written.sort((a, b) => (a.name < b.name ? -1 : 1));
        const finite = Object.fromEntries(Object.entries(evaluation).filter(([, value]) => Number.isFinite(value)));
        const manifest = { schemaVersion: SCHEMA_VERSION, step, evaluation: finite, tied, files: written };
        await writeFileDurably(join(staging, MANIFEST_NAME), serializeManifest(manifest), { fs });
      },
      { fs },
    );
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== "STORAGE_DISK_FULL") throw error;
    throw diskFull(path, needed, undefined, error);
  }
}

/** @throws {CheckpointError} `CHECKPOINT_CONTENTS_INVALID` */
export function checkExtraFiles(files: ExtraFiles): void {
  for (const name of Object.keys(files)) {
    if (OWN_FILES.has(name) || !isPlainFileName(name)) {
      throw new CheckpointError(
        "CHECKPOINT_CONTENTS_INVALID",
        `files: expected plain file names other than ${[...OWN_FILES].join(", ")}, came ${JSON.stringify(name)}`,
      );
    }
  }
}

function serializeTrainer(trainer: object, path: string): string {
  try {
    return `${JSON.stringify(trainer, (key, value) => {
      // JSON would store null: a state that cannot come back is an error now, not on the day of the resume.
      if (typeof value === "number" && !Number.isFinite(value)) throw new Error(`${key}: ${value} has no JSON form`);
      return value;
    })}\n`;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError("CHECKPOINT_CONTENTS_INVALID", `${path}: trainer state: expected plain JSON, ${reason}`, {
      cause,
    });
  }
}

/** Leaves out every tensor whose array an earlier one already has. */
function withoutTied(parameters: ReadonlyMap<string, HostTensor>) {
  const stored = new Map<string, HostTensor>();
  const tied: [string, string][] = [];
  const firstNames = new Map<ArrayBufferView, string>();
  for (const [name, tensor] of parameters) {
    const first = firstNames.get(tensor.data);
    const same = first !== undefined && parameters.get(first)?.shape.join() === tensor.shape.join();
    if (same && tensor.data.length > 0) tied.push([name, first]);
    else {
      stored.set(name, tensor);
      firstNames.set(tensor.data, name);
    }
  }
  return { stored, tied };
}

async function checkFreeSpace(path: string, needed: number, fs: DurableFs): Promise<void> {
  const { freeBytes } = await fs.statfs(dirname(path)).catch((error: unknown) => {
    throw toStorageError(error, "inspect", dirname(path));
  });
  if (freeBytes < needed) throw diskFull(path, needed, freeBytes);
}

function diskFull(path: string, needed: number, free: number | undefined, cause?: Error): CheckpointError {
  return new CheckpointError(
    "CHECKPOINT_DISK_FULL",
    `${path}: expected ${needed} free bytes for this checkpoint, ${free === undefined ? "the disk is full" : `found ${free}`}`,
    {
      ...(cause && { cause }),
      help: "Earlier checkpoints are intact. Free some space, or keep fewer checkpoints (keepLast, keepBest), and resume.",
    },
  );
}

function bytesOf(tensors: ReadonlyMap<string, HostTensor>): number {
  let bytes = 0;
  for (const { data } of tensors.values()) bytes += data.byteLength;
  return bytes;
}

function sizeOf(files: ExtraFiles): number {
  return Object.values(files).reduce((sum, content) => sum + Buffer.byteLength(content), 0);
}
