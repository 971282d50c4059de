/** Packs every publishable package with pnpm and installs each tarball into an empty project of its own, as a user would get it. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
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
      const file = `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`;
      found.push({
        name: manifest.name,
        folder,
        project: join(projects, entry),
        tarball: join(tarballs, file),
        manifest,
      });
    }
  }
  return found;
}

function digest(folder, hash) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name === "node_modules" || entry.name === ".turbo" || entry.name === "src" || entry.name === "test")
      continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) digest(path, hash.update(entry.name));
    else hash.update(entry.name).update(readFileSync(path));
  }
  return hash;
}

/** Makes the tarballs, unless the packages are as they were the last time. */
export async function pack() {
  const packages = publishable();
  const hash = createHash("sha256");
  for (const { folder } of packages) digest(folder, hash);
  const wanted = hash.digest("hex");
  const stamp = join(tarballs, "stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return { packages, wanted };
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
  writeFileSync(stamp, wanted);
  return { packages, wanted };
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
  const { packages, wanted } = await pack();
  const stamp = join(projects, "stamp");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return packages;
  rmSync(projects, { recursive: true, force: true });
  const overrides = packages.map(({ name, tarball }) => `  "${name}": "file:${tarball}"`);
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
      `packages: ["."]\noverrides:\n${overrides.join("\n")}\n${builds}`,
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
