/**
 * Runs the tests of the engine's crate and of the tokenizer's under a sanitizer of LLVM: reads and writes outside of a block or after its end (address, the default), or
 * of two threads at once (thread). The stable toolchain brings the sanitizers' libraries, and `RUSTC_BOOTSTRAP` opens the flag that uses them.
 *
 *   node tools/native/sanitize.mjs [address|thread] [TEST...]
 *
 * tools/native/README.md says what was run, and what these cannot see.
 */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [kind = "address", ...filters] = process.argv.slice(2);

const SANITIZERS = {
  // A size that no system has is an error to the engine, as it is from the system.
  address: { flags: "-Zsanitizer=address", settings: { ASAN_OPTIONS: "allocator_may_return_null=1" } },
  // The standard library is not built for it: what goes through its locks is known all the same, because they end in atomics and futexes.
  thread: {
    flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
    settings: { TSAN_OPTIONS: `suppressions=${join(repository, "tools", "native", "thread-sanitizer.txt")}` },
  },
};

if (SANITIZERS[kind] === undefined) {
  console.error(`expected ${Object.keys(SANITIZERS).join(" or ")}, got ${kind}`);
  process.exit(2);
}
const host = /host: (\S+)/.exec(spawnSync("rustc", ["-vV"], { encoding: "utf8" }).stdout ?? "")?.[1];
if (host === undefined) {
  console.error("there is no rustc");
  process.exit(1);
}
const { status } = spawnSync(
  "cargo",
  // With a target named, the flags do not reach build scripts.
  ["test", "--locked", "-p", "codex-engine", "-p", "codex-tokenizer", "--lib", "--target", host, "--", ...filters],
  {
    cwd: repository,
    stdio: "inherit",
    env: {
      ...process.env,
      RUSTC_BOOTSTRAP: "1",
      RUSTFLAGS: SANITIZERS[kind].flags,
      // Its own folder, so that the next ordinary build starts where the last one ended.
      CARGO_TARGET_DIR: join(process.env.CARGO_TARGET_DIR ?? join(repository, "target"), `sanitize-${kind}`),
      ...SANITIZERS[kind].settings,
    },
  },
);
process.exitCode = status ?? 1;
