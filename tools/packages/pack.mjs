/** Packs every publishable package with pnpm and installs each tarball into an empty project of its own, as a user would get it. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { LIBRARIES } from "../native/build.mjs";
import { makePlatformPackages, platformPackageNames } from "../native/platform-packages.mjs";
import { pnpm, repository, step } from "../setup.mjs";

export const tarballs = join(repository, ".cache", "tarballs");
/**
 * One folder a package, `projects/metrics` for @codex/metrics, with that tarball as its only dependency. Outside the repository, whose own
 * node_modules Node would look into for whatever is missing.
 */
export const projects = join(
  tmpdir(),
  `codex-packed-${createHash("sha256").update(repository).digest("hex").slice(0, 12)}`,
);

/** @returns {{ name: string, folder: string, project: string, tarball: string, manifest: object }[]} */
export function publishable() {
  const found = [];
  for (const group of ["packages", "apps", "examples"]) {
    for (const entry of readdirSync(join(repository, group)).sort()) {
      const folder = join(repository, group, entry);
      if (!existsSync(join(folder, "package.json"))) continue;
      const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      if (manifest.private) continue;
      found.push({
        name: manifest.name,
        folder,
        project: join(projects, entry),
        tarball: tarballOf(manifest),
        manifest,
      });
    }
  }
  return found;
}

const UNPACKED = new Set(["node_modules", ".turbo", "src", "test", "npm"]);

function digest(folder, hash) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (UNPACKED.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) digest(path, hash.update(entry.name));
    else hash.update(entry.name).update(readFileSync(path));
  }
  return hash;
}

function tarballOf({ name, version }) {
  return join(tarballs, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`);
}

/**
 * Makes the tarballs, unless the packages are as they were the last time. Among them are those with the native libraries, of the platforms
 * that they are built for.
 */
export async function pack() {
  const platforms = makePlatformPackages().map(({ folder, manifest }) => ({
    name: manifest.name,
    folder,
    tarball: tarballOf(manifest),
    manifest,
  }));
  const packages = publishable();
  const hash = createHash("sha256");
  for (const { folder } of packages) digest(folder, hash);
  const wanted = hash.digest("hex");
  const stamp = join(tarballs, "stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return { packages, platforms, wanted };
  rmSync(tarballs, { recursive: true, force: true });
  mkdirSync(tarballs, { recursive: true });
  const filters = packages.flatMap(({ name }) => ["--filter", name]);
  await step("packing the packages", "npx", [
    "--yes",
    pnpm,
    ...filters,
    "-r",
    "exec",
    "pnpm",
    "pack",
    "--pack-destination",
    tarballs,
  ]);
  for (const { name, folder } of platforms) {
    await step(`packing ${name}`, "npx", ["--yes", pnpm, "pack", "--pack-destination", tarballs], { cwd: folder });
  }
  writeFileSync(stamp, wanted);
  return { packages, platforms, wanted };
}

/** What the README of a package tells its users to install. */
function installLine(folder) {
  const readme = join(folder, "README.md");
  const line = existsSync(readme) ? /^npm install (.+)$/m.exec(readFileSync(readme, "utf8")) : null;
  return line?.[1].split(" ").filter((name) => !name.startsWith("-"));
}

/**
 * Installs the tarballs, each alone in its project, with whatever a package manager adds to it. One installation a project: in a common one, pnpm
 * would give a package the optional peers that another one brings.
 */
export async function installPacked() {
  const { packages, platforms, wanted } = await pack();
  const stamp = join(projects, "stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return packages;
  rmSync(projects, { recursive: true, force: true });
  const overrides = [...packages, ...platforms].map(({ name, tarball }) => `  "${name}": "file:${tarball}"`);
  // The libraries of other platforms are nowhere yet.
  const absent = Object.keys(LIBRARIES)
    .flatMap(platformPackageNames)
    .filter((name) => !platforms.some((one) => one.name === name))
    .map((name) => `  - "${name}"`);
  const builds =
    readFileSync(join(repository, "pnpm-workspace.yaml"), "utf8").match(/allowBuilds:\n(?: {2}.*\n)+/)?.[0] ?? "";
  const installations = packages.map(({ name, folder, project }) => ({
    project,
    installs: installLine(folder) ?? [name],
  }));
  installations.push({
    project: join(projects, "cli-with-plugin"),
    installs: ["@codex/cli", "@codex-examples/plugin-tiny"],
  });
  const versionOf = (name) => {
    const own = packages.find((one) => one.name === name);
    if (own !== undefined) return `file:${own.tarball}`;
    return JSON.parse(readFileSync(join(repository, "package.json"), "utf8")).devDependencies[name] ?? "latest";
  };
  for (const { project, installs } of installations) {
    mkdirSync(project, { recursive: true });
    const manifest = {
      name: `installs-${basename(project)}`,
      version: "1.0.0",
      private: true,
      type: "module",
      dependencies: Object.fromEntries(installs.map((name) => [name, versionOf(name)])),
    };
    writeFileSync(join(project, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
    writeFileSync(
      join(project, "pnpm-workspace.yaml"),
      `packages: ["."]\noverrides:\n${overrides.join("\n")}\nignoredOptionalDependencies:\n${absent.join("\n")}\n${builds}`,
    );
    await step(
      `installing ${installs.join(" and ")} from the tarball`,
      "npx",
      ["--yes", pnpm, "install", "--prefer-offline", "--no-frozen-lockfile"],
      { cwd: project },
    );
  }
  writeFileSync(stamp, wanted);
  return packages;
}
