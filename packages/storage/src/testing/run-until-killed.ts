import { spawn } from "node:child_process";

export interface KillRunOptions {
  /** Arguments of `node`: its own options, the script, the arguments of the script. */
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Send `signal` so long after the first line of output that contains `line`. Without: the child kills itself. */
  kill?: { line: string; afterMs: number; signal?: NodeJS.Signals };
  /** A child that lives longer is killed and the promise rejected. Default: 30 s. */
  timeoutMs?: number;
}

export interface KilledRun {
  readonly exitCode: number | null;
  /** "SIGKILL" when it worked. */
  readonly signal: NodeJS.Signals | null;
  /** Whole lines of standard output. What a child prints with `writeSync(1, ...)` is here even if it was killed next. */
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** Starts a Node process and waits for its end, which may come at a moment that the caller chose. */
export function runUntilKilled({
  args,
  env = process.env,
  kill,
  timeoutMs = 30_000,
}: KillRunOptions): Promise<KilledRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    let killTimer: NodeJS.Timeout | undefined;
    let timedOut = false;
    const deadline = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.stdout.on("data", (data: Buffer) => {
      stdout += data;
      if (
        kill &&
        killTimer === undefined &&
        stdout
          .split("\n")
          .slice(0, -1)
          .some((line) => line.includes(kill.line))
      ) {
        killTimer = setTimeout(() => child.kill(kill.signal ?? "SIGKILL"), kill.afterMs);
      }
    });
    child.stderr.on("data", (data: Buffer) => {
      stderr += data;
    });
    child.once("error", reject);
    child.once("close", (exitCode, signal) => {
      clearTimeout(deadline);
      clearTimeout(killTimer);
      if (timedOut) reject(new Error(`child still ran after ${timeoutMs} ms: node ${args.join(" ")}\n${stderr}`));
      else resolve({ exitCode, signal, lines: stdout.split("\n").slice(0, -1), stderr });
    });
  });
}
