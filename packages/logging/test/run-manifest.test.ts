import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { collectRunManifest, type RunManifest, readGitState, readRunManifest, writeRunManifest } from "@codex/logging";
import { temporaryFolder } from "./temporary-folder.ts";

function git(directory: string, ...args: string[]): string {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
  return execFileSync("git", [...identity, ...args], { cwd: directory, encoding: "utf8" }).trim();
}

function project(): string {
  const directory = temporaryFolder();
  const files = {
    "package.json": { name: "my-project", version: "1.2.3", dependencies: { lib: "*", absent: "*" } },
    "node_modules/lib/package.json": { name: "lib", version: "4.5.6" },
    ".gitignore": "node_modules\n",
    "pnpm-lock.yaml": "lockfileVersion: 9\n",
  };
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), typeof contents === "string" ? contents : JSON.stringify(contents));
  }
  return directory;
}

const secret = `hf_${"aB3dE6gH9j".repeat(4)}`;

function collect(directory: string): Promise<RunManifest> {
  return collectRunManifest({
    runId: "run-1",
    seeds: { init: 7, data: 8 },
    data: [{ path: "data/a.txt", bytes: 3, sha256: "00" }],
    details: { device: "wasm", login: { password: "x" } },
    projectDirectory: directory,
    command: ["train", "--hf-token", "abc", `url=${secret}`],
    environment: { CODEX_DEVICE: "wasm", CODEX_TOKEN: "abc", OMP_NUM_THREADS: "2", HOME: "/home/ada", PATH: "/bin" },
    now: new Date("2026-11-20T23:15:03Z"),
  });
}

test("a manifest says with what a run was made, and no secret", async () => {
  const directory = project();
  git(directory, "init", "-q", "-b", "main");
  git(directory, "add", "-A");
  git(directory, "commit", "-q", "-m", "first");
  const manifest = await collect(directory);
  expect(manifest).toEqual({
    schema_version: 1,
    run_id: "run-1",
    created_at: "2026-11-20T23:15:03.000Z",
    command: ["train", "--hf-token", "[REDACTED]", "url=[REDACTED:huggingface-token]"],
    seeds: { init: 7, data: 8 },
    git: { commit: git(directory, "rev-parse", "HEAD"), branch: "main", dirty: false, untracked_files: 0 },
    packages: { lib: "4.5.6", "my-project": "1.2.3" },
    lockfile: { name: "pnpm-lock.yaml", sha256: createHash("sha256").update("lockfileVersion: 9\n").digest("hex") },
    machine: {
      hostname: expect.any(String),
      platform: process.platform,
      os_release: expect.any(String),
      architecture: process.arch,
      cpu_model: expect.any(String),
      cpu_count: expect.any(Number),
      available_parallelism: expect.any(Number),
      memory_bytes: expect.any(Number),
      node_version: process.versions.node,
    },
    environment: { CODEX_DEVICE: "wasm", CODEX_TOKEN: "[REDACTED]", OMP_NUM_THREADS: "2" },
    data: [{ path: "data/a.txt", bytes: 3, sha256: "00" }],
    details: { device: "wasm", login: { password: "[REDACTED]" } },
  });
  await writeRunManifest(directory, manifest);
  expect(await readRunManifest(directory)).toEqual(manifest);
  expect(readFileSync(join(directory, "manifest.json"), "utf8")).not.toContain(secret);
});

test("git: changed, staged and untracked files, a detached head", async () => {
  const directory = project();
  git(directory, "init", "-q", "-b", "main");
  expect(await readGitState(directory)).toBeNull(); // no commit yet
  git(directory, "add", "-A");
  git(directory, "commit", "-q", "-m", "first");
  writeFileSync(join(directory, "new file.txt"), "");
  mkdirSync(join(directory, "src"));
  writeFileSync(join(directory, "src/a.ts"), "");
  expect(await readGitState(join(directory, "src"))).toMatchObject({
    branch: "main",
    dirty: false,
    untracked_files: 2,
  });
  git(directory, "add", "src");
  expect(await readGitState(directory)).toMatchObject({ dirty: true, untracked_files: 1 });
  git(directory, "commit", "-q", "-m", "second");
  rmSync(join(directory, "pnpm-lock.yaml"));
  git(directory, "checkout", "-q", "--detach");
  expect(await readGitState(directory)).toMatchObject({ branch: null, dirty: true });
});

test("outside of git, without lockfile and package.json, there is nothing to tell of them", async () => {
  const directory = temporaryFolder();
  const manifest = await collect(directory);
  expect([manifest.git, manifest.lockfile, manifest.packages]).toEqual([null, null, {}]);
});

test.each([
  [undefined, "LOGGING_MANIFEST_INVALID", "there is no such file"],
  ["", "LOGGING_MANIFEST_INVALID", "expected JSON"],
  ["null", "LOGGING_MANIFEST_INVALID", "expected schema_version 1 with run_id and created_at, got null"],
  ['{"schema_version": 1}', "LOGGING_MANIFEST_INVALID", "expected schema_version 1 with run_id"],
  [
    '{"schema_version": "1", "run_id": "a", "created_at": "b"}',
    "LOGGING_MANIFEST_INVALID",
    "expected schema_version 1",
  ],
  ['{"schema_version": 2, "run_id": "a"}', "LOGGING_SCHEMA_UNKNOWN", "expected schema_version 1, got 2"],
])("the manifest %j is refused", async (text, code, message) => {
  const directory = temporaryFolder();
  if (text !== undefined) writeFileSync(join(directory, "manifest.json"), text);
  const error: unknown = await readRunManifest(directory).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  expect((error as Error).message).toContain(join(directory, "manifest.json"));
});
