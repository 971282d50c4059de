/**
 * Drives the page of @codex/ui in a headless Chromium: `node tools/test-page.mjs [--install]`. Chromium is the one of the system
 * (CODEX_CHROMIUM says where another one is); --install fetches Debian's package where there is none, as `.ci/run` does.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { passThrough, repository, run, SetupError, setup, step } from "./setup.mjs";

const PLACES = [
  process.env.CODEX_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Where a Chromium is; undefined for none. */
export function findChromium() {
  return PLACES.find((place) => place && existsSync(place));
}

async function install() {
  const isRoot = process.getuid?.() === 0;
  const apt = (...args) => (isRoot ? ["apt-get", args] : ["sudo", ["-n", "apt-get", ...args]]);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await step("apt-get update", ...apt("update", "-qq"), { env });
  await step("installing chromium", ...apt("install", "-y", "--no-install-recommends", "chromium"), { env });
}

async function main() {
  if (findChromium() === undefined && process.argv.includes("--install")) {
    await install().catch((error) => {
      throw new SetupError(`${error.message}:\n${(error.output ?? "").slice(-1000)}`);
    });
  }
  const chromium = findChromium();
  if (chromium === undefined) {
    console.log(
      "the page's tests are left out: there is no Chromium. --install fetches Debian's, CODEX_CHROMIUM names another.",
    );
    return process.argv.includes("--install") ? 1 : 0;
  }
  await setup();
  const version = execFileSync(chromium, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  console.log(version.trim());
  const jest = join(repository, "node_modules", "jest", "bin", "jest.js");
  return await passThrough(
    process.execPath,
    ["--experimental-vm-modules", "--no-warnings", jest, "--testMatch", "<rootDir>/apps/ui/test/**/*.e2e.ts"],
    { env: { ...process.env, CODEX_CHROMIUM: chromium } },
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await run(main);
