/** Set-up either works or says in one line what is missing. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { childEnvironment, explainInstallFailure, requireNode } from "../setup.mjs";

test.each(["20.19.0", "20.20.2", "22.12.0", "22.21.1", "24.1.0"])("Node %s will do", (version) => {
  expect(() => requireNode(version)).not.toThrow();
});

test.each(["18.20.4", "20.18.3", "21.7.3", "22.11.0"])("Node %s is refused in one line", (version) => {
  expect(() => requireNode(version)).toThrow(
    /^Node \S+ is too old: Codex needs \^20\.19\.0 \|\| >=22\.12\.0\. Install .+\.$/,
  );
});

test.each([
  [
    "ERR_PNPM_META_FETCH_FAIL request failed, reason: getaddrinfo ENOTFOUND registry.example",
    true,
    /registry cannot be reached/,
  ],
  ["gyp ERR! build error\ngyp ERR! stack Error: not found: make", false, /^No C\+\+ compiler: better-sqlite3/],
  ["ERR_PNPM_FROZEN_LOCKFILE_WITH_OUTDATED_LOCKFILE", true, /does not fit the package\.json/],
])("an installation that fails with %j", (output, compiler, expected) => {
  const line = explainInstallFailure(output, compiler);
  expect(line).toMatch(expected);
  expect(line).not.toContain("\n");
});

test("a failure that is not understood is not explained away", () => {
  expect(explainInstallFailure("gyp ERR! something else", true)).toBeUndefined();
});

test("without a registry the real set-up ends with that one line", async () => {
  const clone = mkdtempSync(join(tmpdir(), "codex-clone-"));
  try {
    for (const name of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "tools"])
      cpSync(name, join(clone, name), { recursive: true });
    for (const folder of ["packages", "apps", "examples"]) mkdirSync(join(clone, folder));
    const env = {
      ...process.env,
      npm_config_registry: "http://127.0.0.1:9/",
      npm_config_cache: join(clone, "cache"),
      npm_config_fetch_retries: "0",
    };
    const failure = await promisify(execFile)(process.execPath, ["tools/quickstart.mjs"], {
      cwd: clone,
      env,
      timeout: 60_000,
    }).catch((error: { code: number; stderr: string }) => error);
    expect(failure).toMatchObject({ code: 1 });
    const lines = failure.stderr.trim().split("\n");
    expect(lines.at(-1)).toBe(
      "The package registry cannot be reached. Check the network (or the registry in your .npmrc) and run this again.",
    );
    expect(lines.filter((line) => !line.includes("installing dependencies"))).toHaveLength(1);
  } finally {
    rmSync(clone, { recursive: true, force: true });
  }
}, 90_000);

test("local binaries come first, and Node's own headers are used where it has them", () => {
  const environment = childEnvironment();
  expect(environment.PATH?.split(":")[0]).toBe(join(process.cwd(), "node_modules", ".bin"));
  expect(environment.TURBO_TELEMETRY_DISABLED).toBe("1");
});
