import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Enough to tell a process from a later one that got the same pid, also after a reboot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Linux: an id of the time since the last boot, else null. */
  readonly bootId: string | null;
  /** Linux: start of the process in clock ticks after boot, else null. */
  readonly startTicks: number | null;
}

export function identifyThisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    host: hostname(),
    bootId: readBootId(),
    startTicks: readStat(process.pid)?.startTicks ?? null,
  };
}

/**
 * Whether that process may still run: `false` only when it surely is gone. A process of another host counts as running,
 * because nothing here can tell.
 */
export function mayBeRunning(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return true;
  const bootId = readBootId();
  if (bootId !== null && identity.bootId !== null && bootId !== identity.bootId) return false;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM: it runs under another account.
    return error instanceof Error && "code" in error && error.code !== "ESRCH";
  }
  const now = readStat(identity.pid);
  if (now === undefined) return true;
  if (now.state === "Z" || now.state === "X") return false; // dead, and not yet collected by its parent
  return identity.startTicks === null || now.startTicks === identity.startTicks;
}

/** `/proc/<pid>/stat` of Linux (proc_pid_stat(5)): field 3 is the state, field 22 the start time. */
function readStat(pid: number): { state: string; startTicks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // field 2, the name, may hold spaces and brackets
    return { state: fields[0] ?? "", startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

function readBootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}
