import { fileURLToPath } from "node:url";
import { errnoOf, nodeFs } from "@codex/storage";
import { crashStates, type FsCall, interceptFs, MemoryFs, runUntilKilled } from "@codex/storage/testing";

async function write(fs: MemoryFs, path: string, text: string, position = 0): Promise<void> {
  const file = await fs.open(path, "r+").catch(() => fs.open(path, "wx"));
  await file.write(Buffer.from(text), position);
}

async function read(fs: MemoryFs, path: string): Promise<string> {
  const file = await fs.open(path, "r");
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  return Buffer.from(bytes).toString();
}

const errnoOfCall = (call: Promise<unknown>) => call.then(() => undefined, errnoOf);

describe("MemoryFs", () => {
  test("answers as a disk does", async () => {
    const fs = new MemoryFs();
    await fs.mkdir("/a");
    await write(fs, "/a/f", "hello");
    await write(fs, "/a/f", "LL", 2);
    expect(await read(fs, "/a/f")).toBe("heLLo");
    expect(await fs.stat("/a/f")).toEqual({ kind: "file", size: 5 });
    expect((await fs.stat("/")).kind).toBe("directory");
    expect(await errnoOfCall(fs.open("/a/f", "wx"))).toBe("EEXIST");
    expect(await errnoOfCall(fs.open("/a/g", "r"))).toBe("ENOENT");
    expect(await errnoOfCall(fs.open("/a", "r"))).toBe("EISDIR");
    expect(await errnoOfCall(fs.readdir("/a/f"))).toBe("ENOTDIR");
    expect(await errnoOfCall(fs.mkdir("/a"))).toBe("EEXIST");
    expect(await errnoOfCall(fs.rmdir("/a"))).toBe("ENOTEMPTY");
    expect(await errnoOfCall(fs.unlink("/a"))).toBe("EISDIR");
    await fs.mkdir("/b");
    expect(await errnoOfCall(fs.rename("/b", "/a"))).toBe("ENOTEMPTY");
    expect(await errnoOfCall(fs.rename("/b", "/a/f"))).toBe("ENOTDIR");
    expect(await errnoOfCall(fs.rename("/a/f", "/b"))).toBe("EISDIR");
    await fs.rename("/a", "/b"); // onto an empty directory: replaces it
    expect(await fs.readdir("/")).toEqual(["b"]);
    const readOnly = await fs.open("/b/f", "r");
    expect(await errnoOfCall(readOnly.write(new Uint8Array(1), 0))).toBe("EBADF");
    await fs.unlink("/b/f");
    await fs.rmdir("/b");
    expect(await fs.readdir("/")).toEqual([]);
  });

  test("space is limited, and free again after a removal or a replacement", async () => {
    const fs = new MemoryFs({ capacityBytes: 10 });
    await write(fs, "/a", "01234567");
    const file = await fs.open("/b", "wx");
    expect(await file.write(Buffer.from("0123"), 0)).toBe(2);
    expect(await errnoOfCall(file.write(Buffer.from("x"), 2))).toBe("ENOSPC");
    await fs.rename("/b", "/a");
    expect(await fs.statfs()).toEqual({ freeBytes: 8 });
    await fs.unlink("/a");
    expect(await fs.statfs()).toEqual({ freeBytes: 10 });
  });

  test("a crash takes bytes without fsync and names without fsyncDir, each for itself", async () => {
    const fs = new MemoryFs();
    await fs.mkdir("/d");
    await fs.fsyncDir("/");
    await write(fs, "/d/named", "bytes lost");
    await fs.fsyncDir("/d");
    await write(fs, "/d/nameless", "bytes safe");
    await (await fs.open("/d/nameless", "r+")).fsync();
    const after = fs.crash();
    expect(await after.readdir("/d")).toEqual(["named"]);
    expect(await read(after, "/d/named")).toBe("");
    expect(after.journal).toEqual([]);
    await write(after, "/d/later", "lost too");
    expect(await after.crash().readdir("/d")).toEqual(["named"]);
    expect([...crashStates(after, { from: after.journal.length })]).toHaveLength(8);
  });

  test("crash states are all combinations when they are few, and a sample that can be repeated when not", async () => {
    const fs = new MemoryFs();
    await write(fs, "/f", "abcd");
    const end = fs.journal.length;
    const found = new Set<string>();
    for (const state of crashStates(fs, { from: end })) {
      const names = await state.fs.readdir("/");
      found.add(names.length === 0 ? "no file" : JSON.stringify(await read(state.fs, "/f")));
    }
    expect([...found].sort()).toEqual(['""', '"\\u0000\\u0000\\u0000\\u0000"', '"ab"', '"abcd"', "no file"]);
    for (let i = 0; i < 10; i++) await write(fs, "/f", "x", 4 + i);
    const sample = (seed: number) =>
      [...crashStates(fs, { from: fs.journal.length, perPosition: 100, seed })].map((state) =>
        [...state.outcomes.values()].join(),
      );
    expect(sample(3)).toEqual(sample(3));
    expect(sample(3)).not.toEqual(sample(4));
    expect(new Set(sample(3)).size).toBe(100);
    expect(sample(3)[0]).toMatch(/^lost(,lost)*$/);
    expect([...crashStates(fs, { to: 0 })]).toHaveLength(1);
  });
});

test("interceptFs numbers the calls, and passes every one of them on", async () => {
  const calls: FsCall[] = [];
  const fs = interceptFs(new MemoryFs(), (call) => {
    calls.push(call);
    return undefined;
  });
  await fs.mkdir("/d");
  const file = await fs.open("/d/f", "wx");
  await file.write(Buffer.from("abc"), 0);
  await file.truncate(2);
  expect(await file.size()).toBe(2);
  expect(await file.read(new Uint8Array(9), 0)).toBe(2);
  await file.fsync();
  await file.close();
  await fs.rename("/d/f", "/d/g");
  await fs.fsyncDir("/d");
  expect(await fs.readdir("/d")).toEqual(["g"]);
  expect((await fs.stat("/d/g")).size).toBe(2);
  expect((await fs.statfs("/")).freeBytes).toBeGreaterThan(0);
  await fs.unlink("/d/g");
  await fs.rmdir("/d");
  expect(calls.map((call) => call.index)).toEqual(calls.map((_, i) => i + 1));
  expect(new Set(calls.map((call) => call.operation)).size).toBe(15);
  expect(calls[8]).toEqual({ index: 9, operation: "rename", path: "/d/g" });
});

test("a short read is half of it, and an injected failure of close closes all the same", async () => {
  const path = fileURLToPath(import.meta.url);
  const real = interceptFs(nodeFs, ({ operation }) =>
    operation === "read" ? { short: true } : operation === "close" ? { error: "EIO" } : undefined,
  );
  const file = await real.open(path, "r");
  expect(await file.read(new Uint8Array(10), 0)).toBe(5);
  expect(await file.read(new Uint8Array(1), 0)).toBe(1);
  expect(await errnoOfCall(file.close())).toBe("EIO");
});

describe("runUntilKilled", () => {
  test("kills after a line of output", async () => {
    const script = 'require("fs").writeSync(1, "ready\\n"); setInterval(() => {}, 1000)';
    const run = await runUntilKilled({ args: ["-e", script], kill: { line: "ready", afterMs: 0 } });
    expect(run).toMatchObject({ signal: "SIGKILL", exitCode: null, lines: ["ready"] });
  });

  test("tells how a child ended by itself, and gives up on one that does not", async () => {
    const run = await runUntilKilled({ args: ["-e", 'console.error("no"); process.exitCode = 3'] });
    expect(run).toMatchObject({ signal: null, exitCode: 3, stderr: "no\n" });
    const endless = runUntilKilled({ args: ["-e", "setInterval(() => {}, 1000)"], timeoutMs: 200 });
    await expect(endless).rejects.toThrow(/still ran after 200 ms/);
  });

  test("a child kills itself between two calls, or in the middle of a write", async () => {
    const run = await runUntilKilled({
      args: [
        "--conditions=@codex/source",
        "--import",
        fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url)),
        fileURLToPath(new URL("./kill-itself.child.ts", import.meta.url)),
      ],
    });
    expect(run).toMatchObject({ signal: "SIGKILL", lines: ["half of 10 bytes: 5"], stderr: "" });
  });
});
