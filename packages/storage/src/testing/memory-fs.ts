/**
 * A strict file system in memory, after pebble's MemFS and SQLite's crash VFS: it remembers which effects a sync has
 * made durable, so that a test can ask what a disk might hold after the power went off (`crash`, `crashStates`).
 *
 * The model is what POSIX promises, which is less than most disks do: the bytes of a file are safe after its `fsync`,
 * the entries of a directory after its `fsyncDir`, and neither implies the other. A rename is atomic.
 */
import { posix } from "node:path";
import type { AppendFile, AppendFs } from "../append-fs.ts";
import type { DurableFile, DurableFs, FileStatus, OpenFlags } from "../durable-fs.ts";
import { afterCrash, type Effect, type Entry, type Outcome, pendingEffects } from "./effects.ts";

type Inode = { bytes: Uint8Array<ArrayBuffer> } | { entries: Map<string, number> };

const ROOT = 1;

export class MemoryFs implements DurableFs, AppendFs {
  /** Everything that happened, in order. Grows without limit. */
  readonly journal: Effect[] = [];
  /** What it was made from: durable, and before the journal. */
  readonly base: readonly Effect[];
  readonly #inodes = new Map<number, Inode>([[ROOT, { entries: new Map() }]]);
  readonly #capacity: number;
  #nextInode = ROOT + 1;
  #used = 0;

  /** @param options.capacityBytes - file contents beyond this fail with ENOSPC after a short write; default: no limit */
  constructor(
    { capacityBytes = Number.POSITIVE_INFINITY }: { capacityBytes?: number } = {},
    base: readonly Effect[] = [],
  ) {
    this.#capacity = capacityBytes;
    this.base = base;
    for (const effect of base) {
      this.#apply(effect);
      if ("inode" in effect) this.#nextInode = Math.max(this.#nextInode, effect.inode + 1);
    }
  }

  /** The disk after a power loss now, where nothing survived that was not synced. `crashStates` gives the other outcomes. */
  crash(): MemoryFs {
    const pending = new Set(pendingEffects(this.journal));
    return this.afterCrash((index) => (pending.has(index) ? "lost" : "kept"));
  }

  /** The disk after a power loss at `position` of the journal, with the given outcome for each effect before it. */
  afterCrash(outcomeOf: (index: number) => Outcome, position = this.journal.length): MemoryFs {
    const effects = this.journal.slice(0, position).flatMap((effect, index) => afterCrash(effect, outcomeOf(index)));
    return new MemoryFs({ capacityBytes: this.#capacity }, [...this.base, ...effects]);
  }

  async open(path: string, flags: OpenFlags): Promise<DurableFile> {
    const entry = this.#entry(path, "open");
    let inode = this.#lookUp(entry);
    if (flags === "wx") {
      if (inode !== undefined) throw errnoError("EEXIST", "open", path);
      inode = this.#nextInode++;
      this.#do({ kind: "create", ...entry, inode, type: "file" });
    }
    if (inode === undefined) throw errnoError("ENOENT", "open", path);
    if ("entries" in this.#inodes.get(inode)!) throw errnoError("EISDIR", "open", path);
    return this.#file(inode, flags !== "r", path);
  }

  async mkdir(path: string): Promise<void> {
    const entry = this.#entry(path, "mkdir");
    if (this.#lookUp(entry) !== undefined) throw errnoError("EEXIST", "mkdir", path);
    this.#do({ kind: "create", ...entry, inode: this.#nextInode++, type: "directory" });
  }

  async rename(fromPath: string, toPath: string): Promise<void> {
    const from = this.#entry(fromPath, "rename");
    const to = this.#entry(toPath, "rename");
    const inode = this.#lookUp(from);
    if (inode === undefined) throw errnoError("ENOENT", "rename", fromPath);
    const target = this.#inodes.get(this.#lookUp(to) ?? -1);
    const isDirectory = "entries" in this.#inodes.get(inode)!;
    if (target !== undefined && "entries" in target !== isDirectory) {
      throw errnoError(isDirectory ? "ENOTDIR" : "EISDIR", "rename", toPath);
    }
    if (target !== undefined && "entries" in target && target.entries.size > 0)
      throw errnoError("ENOTEMPTY", "rename", toPath);
    this.#do({ kind: "rename", from, to, inode });
  }

  async unlink(path: string): Promise<void> {
    const entry = this.#entry(path, "unlink");
    const inode = this.#inodes.get(this.#lookUp(entry) ?? -1);
    if (inode === undefined) throw errnoError("ENOENT", "unlink", path);
    if ("entries" in inode) throw errnoError("EISDIR", "unlink", path);
    this.#do({ kind: "remove", ...entry });
  }

  async rmdir(path: string): Promise<void> {
    const entry = this.#entry(path, "rmdir");
    const inode = this.#inodes.get(this.#lookUp(entry) ?? -1);
    if (inode === undefined) throw errnoError("ENOENT", "rmdir", path);
    if (!("entries" in inode)) throw errnoError("ENOTDIR", "rmdir", path);
    if (inode.entries.size > 0) throw errnoError("ENOTEMPTY", "rmdir", path);
    this.#do({ kind: "remove", ...entry });
  }

  async fsyncDir(path: string): Promise<void> {
    this.#do({ kind: "fsyncDir", inode: this.#directory(path, "fsync") });
  }

  async readdir(path: string): Promise<string[]> {
    const inode = this.#inodes.get(this.#directory(path, "readdir")) as { entries: Map<string, number> };
    return [...inode.entries.keys()].sort();
  }

  async stat(path: string): Promise<FileStatus> {
    const normal = posix.resolve("/", path);
    const number = normal === "/" ? ROOT : this.#lookUp(this.#entry(path, "stat"));
    const inode = this.#inodes.get(number ?? -1);
    if (inode === undefined) throw errnoError("ENOENT", "stat", path);
    return "entries" in inode ? { kind: "directory", size: 0 } : { kind: "file", size: inode.bytes.byteLength };
  }

  async statfs(): Promise<{ freeBytes: number }> {
    return { freeBytes: Math.max(0, Math.min(this.#capacity, Number.MAX_SAFE_INTEGER) - this.#used) };
  }

  openAppend(path: string): AppendFile {
    const normal = posix.resolve("/", path);
    const made: number[] = [];
    for (const folder of ancestors(normal)) {
      const entry = this.#entry(folder, "mkdir");
      if (this.#lookUp(entry) !== undefined) continue;
      this.#do({ kind: "create", ...entry, inode: this.#nextInode++, type: "directory" });
      made.push(entry.directory);
    }
    const entry = this.#entry(normal, "open");
    let inode = this.#lookUp(entry);
    if (inode === undefined) {
      inode = this.#nextInode++;
      this.#do({ kind: "create", ...entry, inode, type: "file" });
      made.push(entry.directory);
    }
    if ("entries" in this.#inodes.get(inode)!) throw errnoError("EISDIR", "open", path);
    return this.#appendFile(inode, entry, made);
  }

  #appendFile(inode: number, entry: Entry, made: readonly number[]): AppendFile {
    const bytes = () => this.#bytes(inode);
    const fsyncSync = () => {
      for (const folder of made) this.#do({ kind: "fsyncDir", inode: folder });
      this.#do({ kind: "fsync", inode });
    };
    return {
      append: (source) => this.#write(inode, source, bytes().byteLength),
      overwrite: (source, position) => this.#write(inode, source, position),
      read: (target, position) => {
        const piece = bytes().subarray(position, position + target.byteLength);
        target.set(piece);
        return piece.byteLength;
      },
      size: () => bytes().byteLength,
      isCurrent: () => this.#lookUp(entry) === inode,
      fsync: async () => fsyncSync(),
      fsyncSync,
      close: () => {},
    };
  }

  /** Bytes that there was room for. */
  #write(inode: number, source: Uint8Array, position: number): number {
    const growth = Math.max(0, position + source.byteLength - this.#bytes(inode).byteLength);
    const tooMuch = Math.max(0, this.#used + growth - this.#capacity);
    if (tooMuch > 0 && tooMuch >= source.byteLength) throw errnoError("ENOSPC", "write", `inode ${inode}`);
    const size = source.byteLength - tooMuch;
    this.#do({ kind: "write", inode, position, bytes: source.slice(0, size) });
    return size;
  }

  #file(inode: number, writable: boolean, path: string): DurableFile {
    const bytes = () => this.#bytes(inode);
    const mustBeWritable = () => {
      if (!writable) throw errnoError("EBADF", "write", path);
    };
    return {
      read: async (target, position) => {
        const piece = bytes().subarray(position, position + target.byteLength);
        target.set(piece);
        return piece.byteLength;
      },
      write: async (source, position) => {
        mustBeWritable();
        return this.#write(inode, source, position);
      },
      truncate: async (size) => {
        mustBeWritable();
        this.#do({ kind: "truncate", inode, size });
      },
      size: async () => bytes().byteLength,
      fsync: async () => this.#do({ kind: "fsync", inode }),
      close: async () => {},
    };
  }

  #do(effect: Effect): void {
    this.journal.push(effect);
    this.#apply(effect);
  }

  #apply(effect: Effect): void {
    switch (effect.kind) {
      case "create":
        this.#inodes.set(effect.inode, effect.type === "file" ? { bytes: new Uint8Array() } : { entries: new Map() });
        if (!effect.nameLost) this.#entries(effect.directory).set(effect.name, effect.inode);
        return;
      case "rename": {
        this.#forget(effect.to);
        const entries = this.#entries(effect.from.directory);
        if (entries.get(effect.from.name) === effect.inode) entries.delete(effect.from.name);
        this.#entries(effect.to.directory).set(effect.to.name, effect.inode);
        return;
      }
      case "remove":
        this.#forget(effect);
        return;
      case "write":
        this.#resize(
          effect.inode,
          Math.max(this.#bytes(effect.inode).byteLength, effect.position + effect.bytes.byteLength),
        );
        this.#bytes(effect.inode).set(effect.bytes, effect.position);
        return;
      case "truncate":
        this.#resize(effect.inode, effect.size);
        return;
      case "fsync":
      case "fsyncDir": // change nothing that can be seen before a crash
    }
  }

  #forget({ directory, name }: Entry): void {
    const inode = this.#inodes.get(this.#entries(directory).get(name) ?? -1);
    if (inode !== undefined && "bytes" in inode) this.#used -= inode.bytes.byteLength;
    this.#entries(directory).delete(name);
  }

  #resize(number: number, size: number): void {
    const old = this.#bytes(number);
    if (old.byteLength === size) return;
    const bytes = new Uint8Array(size);
    bytes.set(old.subarray(0, size));
    this.#inodes.set(number, { bytes });
    this.#used += size - old.byteLength;
  }

  #bytes(number: number): Uint8Array {
    return (this.#inodes.get(number) as { bytes: Uint8Array }).bytes;
  }

  #entries(number: number): Map<string, number> {
    return (this.#inodes.get(number) as { entries: Map<string, number> }).entries;
  }

  #lookUp({ directory, name }: Entry): number | undefined {
    return this.#entries(directory).get(name);
  }

  #entry(path: string, call: string): Entry {
    const normal = posix.resolve("/", path);
    return { directory: this.#directory(posix.dirname(normal), call), name: posix.basename(normal) };
  }

  #directory(path: string, call: string): number {
    let number = ROOT;
    for (const name of posix.resolve("/", path).split("/").filter(Boolean)) {
      const next = this.#entries(number).get(name);
      if (next === undefined) throw errnoError("ENOENT", call, path);
      if (!("entries" in this.#inodes.get(next)!)) throw errnoError("ENOTDIR", call, path);
      number = next;
    }
    return number;
  }
}

/** "/a", "/a/b" of "/a/b/c". */
function ancestors(path: string): string[] {
  const names = path.split("/").filter(Boolean).slice(0, -1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
}

/** An error like those of `node:fs`. */
export function errnoError(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: injected or simulated, ${call} '${path}'`), { code, syscall: call, path });
}
