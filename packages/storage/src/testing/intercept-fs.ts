import type { AppendFile, AppendFs } from "../append-fs.ts";
import type { DurableFile, DurableFs } from "../durable-fs.ts";
import { errnoError } from "./memory-fs.ts";

/** One call of a `DurableFs` or of one of its files. */
export interface FsCall {
  /** Counts from 1. */
  readonly index: number;
  readonly operation: keyof DurableFs | keyof DurableFile | keyof AppendFs | keyof AppendFile;
  /** For a rename, where to. */
  readonly path: string;
}

/** What to do instead of a call. */
export interface Fault {
  /** Fail with this errno, as in "ENOSPC", without doing anything (a `close` closes first). */
  readonly error?: string;
  /** For a read or a write: transfer half of the bytes, as the operating system may at any time. */
  readonly short?: boolean;
  /** Kill this process with SIGKILL: before the call or, with `short`, after half of a write. */
  readonly kill?: boolean;
}

/**
 * A file system that tells of every call before it is made, and lets a test replace it with a fault. With a function that
 * collects the calls and returns `undefined`, it records.
 */
export function interceptFs(inner: DurableFs, onCall: (call: FsCall) => Fault | undefined): DurableFs {
  let count = 0;
  async function through<T>(
    operation: FsCall["operation"],
    path: string,
    call: () => Promise<T>,
    short?: () => Promise<T>,
  ): Promise<T> {
    const fault = onCall({ index: ++count, operation, path }) ?? {};
    if (fault.error !== undefined) {
      if (operation === "close") await call();
      throw errnoError(fault.error, operation, path);
    }
    if (!fault.kill) return fault.short && short ? short() : call();
    if (fault.short && short) await short();
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => {}); // the signal is on its way
  }
  const wrap = (file: DurableFile, path: string): DurableFile => ({
    read: (target, position) =>
      through(
        "read",
        path,
        () => file.read(target, position),
        () => file.read(firstHalf(target), position),
      ),
    write: (bytes, position) =>
      through(
        "write",
        path,
        () => file.write(bytes, position),
        () => file.write(firstHalf(bytes), position),
      ),
    truncate: (size) => through("truncate", path, () => file.truncate(size)),
    size: () => through("size", path, () => file.size()),
    fsync: () => through("fsync", path, () => file.fsync()),
    close: () => through("close", path, () => file.close()),
  });
  return {
    open: async (path, flags) => wrap(await through("open", path, () => inner.open(path, flags)), path),
    rename: (from, to) => through("rename", to, () => inner.rename(from, to)),
    fsyncDir: (path) => through("fsyncDir", path, () => inner.fsyncDir(path)),
    unlink: (path) => through("unlink", path, () => inner.unlink(path)),
    mkdir: (path) => through("mkdir", path, () => inner.mkdir(path)),
    rmdir: (path) => through("rmdir", path, () => inner.rmdir(path)),
    readdir: (path) => through("readdir", path, () => inner.readdir(path)),
    stat: (path) => through("stat", path, () => inner.stat(path)),
    statfs: (path) => through("statfs", path, () => inner.statfs(path)),
  };
}

/** The same for the calls of `AppendFs`. */
export function interceptAppendFs(inner: AppendFs, onCall: (call: FsCall) => Fault | undefined): AppendFs {
  let count = 0;
  function through<T>(operation: FsCall["operation"], path: string, call: () => T, short?: () => T): T {
    const fault = onCall({ index: ++count, operation, path }) ?? {};
    if (fault.error !== undefined) {
      if (operation === "close") call();
      throw errnoError(fault.error, operation, path);
    }
    if (!fault.kill) return fault.short && short ? short() : call();
    if (fault.short && short) short();
    process.kill(process.pid, "SIGKILL");
    for (;;); // the signal is on its way
  }
  return {
    openAppend(path) {
      const file = through("openAppend", path, () => inner.openAppend(path));
      return {
        append: (bytes) =>
          through(
            "append",
            path,
            () => file.append(bytes),
            () => file.append(firstHalf(bytes)),
          ),
        overwrite: (bytes, position) =>
          through(
            "overwrite",
            path,
            () => file.overwrite(bytes, position),
            () => file.overwrite(firstHalf(bytes), position),
          ),
        read: (target, position) =>
          through(
            "read",
            path,
            () => file.read(target, position),
            () => file.read(firstHalf(target), position),
          ),
        size: () => through("size", path, () => file.size()),
        isCurrent: () => through("isCurrent", path, () => file.isCurrent()),
        fsync: async () => through("fsync", path, () => file.fsync()),
        fsyncSync: () => through("fsyncSync", path, () => file.fsyncSync()),
        close: () => through("close", path, () => file.close()),
      };
    },
  };
}

/** Half of the bytes, but at least one: a transfer of nothing would mean the end of the file. */
function firstHalf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, Math.max(Math.min(1, bytes.byteLength), bytes.byteLength >> 1));
}
