export { type AppendFile, type AppendFs, nodeAppendFs } from "./append-fs.ts";
export { AppendOnlyLines, type AppendOnlyLinesOptions } from "./append-only-lines.ts";
export {
  type DurableFile,
  type DurableFs,
  type FileStatus,
  type OpenFlags,
  readFully,
  writeFully,
} from "./durable-fs.ts";
export { errnoOf, StorageError, type StorageErrorCode, toStorageError } from "./errors.ts";
export { FileWriter, type WrittenFile } from "./file-writer.ts";
export { type ReadLinesOptions, readLines, type StoredLine } from "./lines.ts";
export { acquireLock, type DirectoryLock, LockedError, type LockOwner, lockHolder } from "./lock.ts";
export { nodeFs } from "./node-fs.ts";
export { SegmentReader } from "./segment-reader.ts";
export {
  listSegments,
  readSegments,
  SegmentedLines,
  type SegmentedLinesOptions,
  type SegmentLine,
} from "./segmented-lines.ts";
export { type AppendedLines, SharedLines } from "./shared-lines.ts";
export { isTemporary, removeTree, sweepTemporary, temporaryPath } from "./temporary.ts";
export { commitDirectory, exists, makeDirectory, type StorageOptions, writeFileDurably } from "./write-durably.ts";
