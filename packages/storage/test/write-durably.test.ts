import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  commitDirectory,
  type DurableFs,
  exists,
  FileWriter,
  isTemporary,
  makeDirectory,
  nodeFs,
  removeTree,
  StorageError,
  temporaryPath,
  writeFileDurably,
} from "@codex/storage";
import { crashStates, type FsCall, interceptFs, MemoryFs } from "@codex/storage/testing";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codex-storage-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function readText(fs: DurableFs, path: string): Promise<string | undefined> {
  if (!(await exists(path, fs))) return undefined;
  const file = await fs.open(path, "r");
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  return Buffer.from(bytes).toString();
}

describe("on the real disk", () => {
  test("a file is replaced, its size and hash are told, nothing else stays", async () => {
    const path = join(directory, "a.json");
    await writeFileDurably(path, "old");
    const written = await writeFileDurably(path, "neu \u00e4");
    expect(readFileSync(path, "utf8")).toBe("neu \u00e4");
    expect(written).toEqual({ size: 6, sha256: createHash("sha256").update("neu \u00e4").digest("hex") });
    expect(readdirSync(directory)).toEqual(["a.json"]);
  });

  test("a stream of pieces ends up in order", async () => {
    const path = join(directory, "stream.bin");
    const piece = new Uint8Array(3);
    const written = await writeFileDurably(path, async (writer) => {
      for (let i = 0; i < 1000; i++) await writer.write(piece.fill(i % 251));
      expect(writer.size).toBe(3000);
    });
    const bytes = readFileSync(path);
    expect(bytes.every((byte, i) => byte === Math.floor(i / 3) % 251)).toBe(true);
    expect(written.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  test("a directory comes whole, with subdirectories, and is never overwritten", async () => {
    const path = join(directory, "step-1");
    const fill = async (staging: string) => {
      await writeFileDurably(join(staging, "a"), "1");
      await nodeFs.mkdir(join(staging, "sub"));
      await writeFileDurably(join(staging, "sub", "b"), "2");
      expect(await exists(path)).toBe(false);
      return 7;
    };
    expect(await commitDirectory(path, fill)).toBe(7);
    expect(readFileSync(join(path, "sub", "b"), "utf8")).toBe("2");
    await expect(commitDirectory(path, fill)).rejects.toMatchObject({ code: "STORAGE_EXISTS" });
    expect(readdirSync(directory)).toEqual(["step-1"]);
  });

  test("when filling fails, nothing is left and the error is the caller's own", async () => {
    const own = new RangeError("no");
    const attempt = commitDirectory(join(directory, "x"), async (staging) => {
      await writeFileDurably(join(staging, "a"), "1");
      throw own;
    });
    await expect(attempt).rejects.toBe(own);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("missing directories are created down to the last, and existing ones are fine", async () => {
    const path = join(directory, "a", "b", "c");
    await makeDirectory(path);
    await makeDirectory(path);
    await writeFileDurably(join(path, "file"), "x");
    for (const inTheWay of [join(path, "file"), join(path, "file", "below")]) {
      await expect(makeDirectory(inTheWay)).rejects.toMatchObject({
        code: expect.stringMatching(/^STORAGE_(EXISTS|IO_FAILED)$/),
        message: expect.stringContaining(join(path, "file")),
      });
    }
    expect((await nodeFs.stat(path)).kind).toBe("directory");
    await removeTree(join(directory, "a"), nodeFs);
    expect(readdirSync(directory)).toEqual([]);
    expect((await nodeFs.statfs(directory)).freeBytes).toBeGreaterThan(0);
  });

  test("errors name the path and have codes", async () => {
    const missing = join(directory, "absent", "x");
    await expect(writeFileDurably(missing, "")).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
    await expect(writeFileDurably(missing, "")).rejects.toThrow(missing);
    const writer = await FileWriter.create(join(directory, "w"));
    await writer.finish();
    await expect(writer.write("x")).rejects.toMatchObject({ code: "STORAGE_CLOSED" });
    await expect(writer.finish()).rejects.toMatchObject({ code: "STORAGE_CLOSED" });
    await expect(FileWriter.create(join(directory, "w"))).rejects.toMatchObject({ code: "STORAGE_EXISTS" });
  });

  test("temporary names are recognized, and only they", () => {
    expect(isTemporary(temporaryPath("step-00000001"))).toBe(true);
    expect(isTemporary("my.tmp-file")).toBe(false);
    expect(isTemporary("model.safetensors")).toBe(false);
  });
});

describe("power loss", () => {
  test("a file is the old one or the new one, in every state that a crash may leave; the new one once the call returned", async () => {
    const fs = new MemoryFs();
    await writeFileDurably("/f", "old", { fs });
    const before = fs.journal.length;
    await writeFileDurably("/f", (writer) => writer.write("new").then(() => writer.write(" text")), { fs });
    const seen = new Set<string | undefined>();
    for (const state of crashStates(fs, { from: before })) {
      const text = await readText(state.fs, "/f");
      seen.add(text);
      if (state.position === fs.journal.length) expect(text).toBe("new text");
    }
    expect([...seen].sort()).toEqual(["new text", "old"]);
  });

  test("a directory is absent or whole", async () => {
    const fs = new MemoryFs();
    await commitDirectory(
      "/d",
      async (staging) => {
        await writeFileDurably(`${staging}/a`, "1", { fs });
        await fs.mkdir(`${staging}/sub`);
        await writeFileDurably(`${staging}/sub/b`, "2", { fs });
      },
      { fs },
    );
    const seen = new Set<boolean>();
    for (const state of crashStates(fs)) {
      const present = await exists("/d", state.fs);
      seen.add(present);
      if (!present) expect(state.position).toBeLessThan(fs.journal.length);
      else expect([await readText(state.fs, "/d/a"), await readText(state.fs, "/d/sub/b")]).toEqual(["1", "2"]);
    }
    expect(seen.size).toBe(2);
    expect(await readText(fs.crash(), "/d/sub/b")).toBe("2");
  });

  test.each(["fsync", "fsyncDir"])("the harness sees a protocol that forgets %s", async (forgotten) => {
    const memory = new MemoryFs();
    await writeFileDurably("/f", "old", { fs: memory });
    const before = memory.journal.length;
    const careless: DurableFs = {
      ...bound(memory),
      fsyncDir: async (path) => (forgotten === "fsyncDir" ? undefined : memory.fsyncDir(path)),
      open: async (path, flags) => {
        const file = await memory.open(path, flags);
        return forgotten === "fsync" ? { ...file, fsync: async () => {} } : file;
      },
    };
    await writeFileDurably("/f", "new", { fs: careless });
    const end = memory.journal.length;
    const texts = new Set<string | undefined>();
    for (const state of crashStates(memory, { from: before })) {
      if (state.position === end) texts.add(await readText(state.fs, "/f"));
    }
    expect(texts.has("new") && texts.size > 1).toBe(true);
  });
});

describe("failing calls", () => {
  const codes = {
    ENOSPC: "STORAGE_DISK_FULL",
    EDQUOT: "STORAGE_DISK_FULL",
    EIO: "STORAGE_IO_FAILED",
    EMFILE: "STORAGE_IO_FAILED",
  };

  test.each(Object.entries(codes))("%s at any call leaves the old file or the new one", async (errno, code) => {
    for (let k = 1; ; k++) {
      const memory = new MemoryFs();
      await writeFileDurably("/f", "old", { fs: memory });
      const calls: FsCall[] = [];
      const fs = interceptFs(memory, (call) => {
        calls.push(call);
        return call.index === k ? { error: errno } : undefined;
      });
      const error = await writeFileDurably("/f", "new", { fs }).then(
        () => undefined,
        (e: unknown) => e,
      );
      if (calls.length < k) break;
      expect(error).toBeInstanceOf(StorageError);
      expect((error as StorageError).code).toBe(code);
      expect(["old", "new"]).toContain(await readText(memory, "/f"));
      // Only after the rename may the new one be there: the call that failed is the sync of the directory.
      if ((await readText(memory, "/f")) === "new") expect(calls[k - 1]?.operation).toBe("fsyncDir");
      expect((await memory.readdir("/")).filter((name) => !isTemporary(name))).toEqual(["f"]);
    }
  });

  test("short and interrupted writes are gone on with", async () => {
    const memory = new MemoryFs();
    let interrupted = 0;
    const fs = interceptFs(memory, (call) => {
      if (call.operation !== "write") return undefined;
      return ++interrupted % 2 === 0 ? { error: "EINTR" } : { short: true };
    });
    await writeFileDurably("/f", "0123456789", { fs });
    expect(await readText(memory, "/f")).toBe("0123456789");
    expect(interrupted).toBeGreaterThan(4);
  });

  test("a full disk", async () => {
    const fs = new MemoryFs({ capacityBytes: 10 });
    await writeFileDurably("/f", "01234", { fs });
    await expect(writeFileDurably("/g", "0123456789", { fs })).rejects.toMatchObject({
      code: "STORAGE_DISK_FULL",
      help: expect.stringContaining("intact"),
    });
    expect(await fs.readdir("/")).toEqual(["f"]);
    expect(await fs.statfs()).toEqual({ freeBytes: 5 });
  });
});

/** The methods of a class instance as own properties, so that a test may replace some. */
function bound(fs: MemoryFs): DurableFs {
  return interceptFs(fs, () => undefined);
}
