/**
 * `manifest.json` of a checkpoint: size and SHA-256 of every file, and a hash of its own, so that no byte of a checkpoint
 * can change unnoticed. The text is canonical: a manifest that does not serialize to the very bytes read is refused.
 */
import { createHash } from "node:crypto";
import { CheckpointError } from "./errors.ts";

export const SCHEMA_VERSION = 1;
export const MANIFEST_NAME = "manifest.json";

export interface ManifestFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

export interface Manifest {
  readonly schemaVersion: number;
  readonly step: number;
  /** Empty when no evaluation was made at this step. */
  readonly evaluation: Readonly<Record<string, number>>;
  /** Parameters that are the same array as another: name, and the name it is stored under. */
  readonly tied: readonly (readonly [name: string, storedAs: string])[];
  /** Sorted by name. */
  readonly files: readonly ManifestFile[];
}

export function serializeManifest({ schemaVersion, step, evaluation, tied, files }: Manifest): string {
  return withOwnHash({ schema_version: schemaVersion, step, evaluation, tied, files });
}

/** @throws {CheckpointError} `CHECKPOINT_CORRUPT`, `CHECKPOINT_SCHEMA_UNSUPPORTED` */
export function parseManifest(text: string, path: string): Manifest {
  const corrupt = (message: string, cause?: unknown) =>
    new CheckpointError("CHECKPOINT_CORRUPT", `${path}: ${message}`, cause === undefined ? {} : { cause });
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw corrupt("expected JSON, found something else", cause);
  }
  if (!isRecord(raw)) throw corrupt("expected an object");
  const { sha256: found, ...body } = raw;
  const expected = hashOf(body);
  if (found !== expected) {
    throw corrupt(`expected SHA-256 ${expected}, which its contents have, found ${String(found).slice(0, 100)}`);
  }
  if (withOwnHash(body) !== text) throw corrupt("expected the text as it was written, found other spacing or spelling");
  // From here on the text is what some version of this package wrote, or somebody who went to the trouble.
  const { schema_version: schemaVersion, step, evaluation, tied, files } = body;
  if (schemaVersion !== SCHEMA_VERSION) {
    throw new CheckpointError(
      "CHECKPOINT_SCHEMA_UNSUPPORTED",
      `${path}: schema_version: expected ${SCHEMA_VERSION}, found ${schemaVersion}`,
      { help: "This checkpoint was written by a later version of Codex. Update @codex/checkpointing to read it." },
    );
  }
  const manifest = { schemaVersion, step, evaluation, tied, files };
  if (!isManifest(manifest)) throw corrupt("expected step, evaluation, tied and files as this package writes them");
  return manifest;
}

function isManifest(value: { [Key in keyof Manifest]: unknown }): value is Manifest {
  const { step, evaluation, tied, files } = value;
  return (
    isCount(step) &&
    isRecord(evaluation) &&
    Object.values(evaluation).every((number) => typeof number === "number") &&
    Array.isArray(tied) &&
    tied.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((name) => typeof name === "string")) &&
    Array.isArray(files) &&
    files.every(
      (file) =>
        isRecord(file) && isPlainFileName(file["name"]) && isCount(file["size"]) && typeof file["sha256"] === "string",
    )
  );
}

/** A name that stays in its directory. */
export function isPlainFileName(name: unknown): name is string {
  return typeof name === "string" && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The hash is that of the compact JSON of all other members; the text is indented, for people. */
function withOwnHash(body: object): string {
  return `${JSON.stringify({ ...body, sha256: hashOf(body) }, null, 2)}\n`;
}

function hashOf(body: object): string {
  return createHash("sha256").update(JSON.stringify(body)).digest("hex");
}
