import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The code that a run was made with. */
export interface GitState {
  readonly commit: string;
  /** Null when no branch is checked out. */
  readonly branch: string | null;
  /** Whether files that git tracks differ from the commit. */
  readonly dirty: boolean;
  /** Files that are neither tracked nor ignored; they may be sources or results, git cannot tell. */
  readonly untracked_files: number;
}

/** @returns null where there is no git, no repository, or no commit yet */
export async function readGitState(directory: string): Promise<GitState | null> {
  try {
    // One call, so that commit and status belong together; --no-optional-locks: never in the way of the user's own git.
    const status = await git(directory, ["status", "--porcelain=v2", "--branch", "--untracked-files=all", "-z"]);
    const lines = status.split("\0");
    const header = (name: string) => lines.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
    const commit = header("branch.oid");
    if (commit === undefined || !/^[0-9a-f]{40,64}$/.test(commit)) return null;
    const branch = header("branch.head");
    return {
      commit,
      branch: branch === undefined || branch === "(detached)" ? null : branch,
      dirty: lines.some((line) => /^[12u] /.test(line)),
      untracked_files: lines.filter((line) => line.startsWith("? ")).length,
    };
  } catch {
    return null;
  }
}

async function git(directory: string, args: string[]): Promise<string> {
  const options = { cwd: directory, maxBuffer: 256 * 1024 * 1024, encoding: "utf8", windowsHide: true } as const;
  // core.fsmonitor may name a program in the repository's configuration; asking for a status must not run it.
  const { stdout } = await promisify(execFile)(
    "git",
    ["--no-optional-locks", "-c", "core.fsmonitor=false", ...args],
    options,
  );
  return stdout;
}
