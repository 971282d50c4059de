export {
  type CheckpointDirectory,
  type CheckpointFallback,
  type CheckpointSummary,
  type DamagedCheckpoint,
  type LoadLatestOptions,
  type OpenCheckpointsOptions,
  openCheckpoints,
} from "./checkpoint-directory.ts";
export type { CheckpointContents, Evaluation, HostTensor, LoadedCheckpoint } from "./contents.ts";
export { CheckpointError, type CheckpointErrorCode } from "./errors.ts";
export type { Manifest, ManifestFile } from "./manifest.ts";
export { type LoadCheckpointOptions, loadCheckpoint, verifyCheckpoint } from "./read-checkpoint.ts";
export type { ExtraFiles } from "./write-checkpoint.ts";
