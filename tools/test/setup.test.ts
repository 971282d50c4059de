/** Set-up either works or says in one line what is missing. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { builtLibrary, explainCargoFailure } from "../native/build.mjs";
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

describe("the native libraries", () => {
  test.each([
    [
      "error: failed to get `libc` as a dependency of package `codex-engine v0.1.0`\n  [7] Could not connect to server",
      /crates\.io\) cannot be reached/,
    ],
    ["error: no matching package named `napi` found\nyou're using offline mode (--offline)", /cannot be reached/],
    [
      "error: rustc 1.80.0 is not supported by the following packages:\n  codex-engine@0.1.0 requires rustc 1.89",
      /too old: the native libraries need 1\.\d+ \(rustup update/,
    ],
    ["error: failed to parse manifest\n\n  feature `edition2024` is required", /too old/],
    ["error: linker `cc` not found", /no linker\. Install a C compiler/],
    [
      "error: cannot update the lock file /clone/Cargo.lock because --locked was passed to prevent this",
      /Cargo\.lock does not fit/,
    ],
  ])("a cargo that fails with %j", (output, expected) => {
    const line = explainCargoFailure(output);
    expect(line).toMatch(expected);
    expect(line).not.toContain("\n");
  });

  test("an error in the sources is not explained away", () => {
    expect(explainCargoFailure("error[E0308]: mismatched types")).toBeUndefined();
  });

  test("the library is taken from where cargo says that it is", () => {
    const artifact = (name: string, file: string) =>
      JSON.stringify({ reason: "compiler-artifact", target: { name }, filenames: [file] });
    const output = `${artifact("codex_engine", "/t/libcodex_engine.rlib")}\nwarning: x\n${artifact("codex_engine_napi", "/t/libcodex_engine_napi.dylib")}\n`;
    expect(builtLibrary(output, "codex_engine_napi")).toBe("/t/libcodex_engine_napi.dylib");
    expect(() => builtLibrary(output, "codex_engine")).toThrow("cargo names no library codex_engine");
    expect(() => builtLibrary("", "codex_engine_napi")).toThrow("codex_engine_napi");
  });

  /** What `buildLibraries` prints, with a `cargo` of this script on the path, or none. */
  async function build(cargo: string | undefined, isRequired: boolean) {
    const bin = mkdtempSync(join(tmpdir(), "codex-bin-"));
    try {
      if (cargo !== undefined) writeFileSync(join(bin, "cargo"), `#!/bin/sh\n${cargo}\n`, { mode: 0o755 });
      const code = `const { run, buildLibraries } = await import("./tools/setup.mjs"); await run(() => buildLibraries(${isRequired}));`;
      const { stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], {
        env: { ...process.env, PATH: `${bin}:/bin` },
      });
      return { code: 0, lines: stderr.trimEnd().split("\n") };
    } catch (error) {
      const { code, stderr } = error as { code: number; stderr: string };
      return { code, lines: stderr.trimEnd().split("\n") };
    } finally {
      rmSync(bin, { recursive: true });
    }
  }

  test("without cargo are left out, with one line", async () => {
    for (const isRequired of [false, true]) {
      const { code, lines } = await build(undefined, isRequired);
      expect({ code, count: lines.length }).toEqual({ code: 0, count: 1 });
      expect(lines[0]).toMatch(/^ {2}no cargo \(https:\/\/rustup\.rs\): the native libraries are not built, /);
    }
  });

  test("that do not compile are one line for the quickstart, and end the tests", async () => {
    const broken = '[ "$1" = --version ] || { echo "error: linker \\`cc\\` not found" >&2; exit 101; }';
    const optional = await build(broken, false);
    expect(optional.code).toBe(0);
    expect(optional.lines.slice(1)).toEqual([
      expect.stringMatching(/^ {2}the native libraries do not build \(Codex uses .+\): there is no linker/),
    ]);
    const required = await build(broken, true);
    expect(required.code).toBe(1);
    expect(required.lines.at(-1)).toMatch(/^the native libraries do not build: there is no linker/);
  });
});
