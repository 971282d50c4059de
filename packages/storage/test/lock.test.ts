import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { acquireLock, LockedError, type LockOwner } from "@codex/storage";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "codex-lock-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const lockFiles = () => readdirSync(directory).sort();

/** A pid of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "0"]);
  await new Promise((resolve) => child.once("exit", resolve));
  return child.pid!;
}

test("the second one is refused with pid, host, start time and how to break the lock", async () => {
  using lock = await acquireLock(directory);
  const error = await acquireLock(directory).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(LockedError);
  const locked = error as LockedError;
  expect(locked.code).toBe("STORAGE_LOCKED");
  expect(locked.message).toContain(`process ${process.pid} on host ${hostname()} since ${lock.owner.acquiredAt}`);
  expect(locked.help).toContain(`delete ${lock.path}`);
  expect(locked.owner?.pid).toBe(process.pid);
  expect(lockFiles()).toEqual([".lock-000001.json"]);
});

test("is free after release, after `using` and after `await using`, and only the last file stays", async () => {
  const first = await acquireLock(directory);
  first.release();
  first.release();
  {
    using _second = await acquireLock(directory);
  }
  {
    await using _third = await acquireLock(directory);
  }
  expect(lockFiles()).toEqual([".lock-000003.released.json"]);
});

test("takes over from a process that is gone", async () => {
  using mine = await acquireLock(directory);
  const stale = { ...mine.owner, pid: await deadPid(), startTicks: null };
  writeFileSync(mine.path, JSON.stringify(stale));
  using next = await acquireLock(directory);
  expect(next.owner.pid).toBe(process.pid);
  expect(lockFiles()).toEqual([".lock-000002.json"]);
  mine.release(); // was broken: must not touch the new one
  expect(lockFiles()).toEqual([".lock-000002.json"]);
});

// The start time of a process and the id of the boot, which tell a reused pid, are read from /proc: elsewhere there is none to forge.
const onLinux = process.platform === "linux" ? test : test.skip;

onLinux("takes over when the pid runs but belongs to a later process, or to another boot", async () => {
  const mine = await acquireLock(directory);
  const owner: LockOwner = mine.owner;
  expect(owner.startTicks).toBeGreaterThan(0);
  writeFileSync(mine.path, JSON.stringify({ ...owner, startTicks: owner.startTicks! - 1 }));
  const second = await acquireLock(directory);
  writeFileSync(second.path, JSON.stringify({ ...owner, bootId: "another" }));
  using third = await acquireLock(directory);
  expect(lockFiles()).toEqual([".lock-000003.json"]);
  expect(JSON.parse(readFileSync(third.path, "utf8")).token).toBe(third.owner.token);
});

test("never takes over from another host, or a lock it cannot read", async () => {
  const mine = await acquireLock(directory);
  writeFileSync(mine.path, JSON.stringify({ ...mine.owner, host: "elsewhere", pid: await deadPid() }));
  await expect(acquireLock(directory)).rejects.toThrow(/on host elsewhere/);
  for (const content of ["", "null", "{}", '{"pid":1.5,"host":"x"}']) {
    writeFileSync(mine.path, content);
    await expect(acquireLock(directory)).rejects.toThrow(/unknown process/);
  }
});

test("the highest number counts, whatever else lies there", async () => {
  using holder = await acquireLock(directory);
  writeFileSync(join(directory, ".lock-000007.released.json"), "{}"); // the highest counts, whatever is below
  using next = await acquireLock(directory);
  expect(next.path.endsWith(".lock-000008.json")).toBe(true);
  expect(holder.path).not.toBe(next.path);
});

test("a missing directory is an error of its own", async () => {
  await expect(acquireLock(join(directory, "absent"))).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
});
