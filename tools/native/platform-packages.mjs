/**
 * The packages that carry the engine's library, one a platform (the convention of napi-rs): npm installs the one whose `os`, `cpu` and `libc`
 * fit, because `@codex/engine` names all of them as optional dependencies of its own version.
 *
 *   node tools/native/platform-packages.mjs                    packages/engine/npm/<platform> for each library in packages/engine/native
 *   node tools/native/platform-packages.mjs --complete         fails unless every platform is there, with a glibc that is old enough
 *   node tools/native/platform-packages.mjs --sync-versions    after `changeset version`: the versions of @codex/engine and @codex/tokenization everywhere
 *
 * tools/native/README.md says how the libraries are built.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { enginePlace } from "./build.mjs";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const engine = join(repository, "packages", "engine");

/** What each is called, whom it suits, and what Rust calls it. */
export const PLATFORMS = [
  { name: "darwin-arm64", os: "darwin", cpu: "arm64", target: "aarch64-apple-darwin" },
  { name: "darwin-x64", os: "darwin", cpu: "x64", target: "x86_64-apple-darwin" },
  { name: "linux-arm64-gnu", os: "linux", cpu: "arm64", libc: "glibc", target: "aarch64-unknown-linux-gnu" },
  { name: "linux-arm64-musl", os: "linux", cpu: "arm64", libc: "musl", target: "aarch64-unknown-linux-musl" },
  { name: "linux-x64-gnu", os: "linux", cpu: "x64", libc: "glibc", target: "x86_64-unknown-linux-gnu" },
  { name: "linux-x64-musl", os: "linux", cpu: "x64", libc: "musl", target: "x86_64-unknown-linux-musl" },
  { name: "win32-x64-msvc", os: "win32", cpu: "x64", target: "x86_64-pc-windows-msvc" },
];

/** Debian 10, RHEL 8, Ubuntu 18.10: what a released library may ask for at most. */
const OLDEST_GLIBC = "2.28";

/** The newest glibc that a library needs, by its version symbols; `undefined` for one that needs none. */
export function requiredGlibc(file) {
  const symbols = readFileSync(file, "latin1").matchAll(/GLIBC_(\d+)\.(\d+)/g);
  const newest = [...symbols].map(([, major, minor]) => 1000 * major + Number(minor)).sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : `${Math.floor(newest / 1000)}.${newest % 1000}`;
}

function isNewer(glibc, than) {
  const [a, b] = [glibc, than].map((version) => version.split(".").map(Number));
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}

/** Makes the folder of one platform, which has to be built. */
function makePackage({ name, os, cpu, libc, target }, version) {
  const library = enginePlace(name);
  const folder = join(engine, "npm", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(library, join(folder, basename(library)));
  copyFileSync(join(repository, "LICENSE"), join(folder, "LICENSE"));
  const { engines, license } = JSON.parse(readFileSync(join(engine, "package.json"), "utf8"));
  const manifest = {
    name: `@codex/engine-${name}`,
    version,
    description: `The library of @codex/engine for ${target}.`,
    license,
    engines,
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    main: basename(library),
    files: [basename(library)],
    publishConfig: { access: "public" },
  };
  const glibc = libc === "glibc" ? requiredGlibc(library) : undefined;
  const needs = glibc === undefined ? "" : ` It needs glibc ${glibc}.`;
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(
    join(folder, "README.md"),
    `# ${manifest.name}\n\nThe library of [@codex/engine](https://www.npmjs.com/package/@codex/engine) for \`${target}\`. Install \`@codex/engine\`, which brings it where it fits.${needs}\n`,
  );
  return { name, folder, manifest, glibc };
}

/** Makes the packages of all platforms whose library is built. */
export function makePlatformPackages() {
  const { version } = JSON.parse(readFileSync(join(engine, "package.json"), "utf8"));
  return PLATFORMS.filter(({ name }) => existsSync(enginePlace(name))).map((platform) =>
    makePackage(platform, version),
  );
}

/** Where the versions of @codex/engine and @codex/tokenization stand besides their manifests; each place with it put in. */
export function versionedFiles() {
  const file = join(engine, "package.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  const { version } = manifest;
  manifest.optionalDependencies = Object.fromEntries(PLATFORMS.map(({ name }) => [`@codex/engine-${name}`, version]));
  const replaced = (path, pattern, wanted = version) => {
    const text = readFileSync(join(repository, path), "utf8");
    return { path: join(repository, path), text, wanted: text.replace(pattern, `$1"${wanted}"`) };
  };
  const tokenization = JSON.parse(readFileSync(join(repository, "packages", "tokenization", "package.json"), "utf8"));
  return [
    { path: file, text: readFileSync(file, "utf8"), wanted: `${JSON.stringify(manifest, null, 2)}\n` },
    replaced("Cargo.toml", /(\[workspace\.package\]\nversion = )"[^"]+"/),
    replaced("Cargo.lock", /(name = "codex-engine"\nversion = )"[^"]+"/),
    replaced("Cargo.lock", /(name = "codex-engine-napi"\nversion = )"[^"]+"/),
    ...["tokenizer", "tokenizer-napi"].flatMap((crate) => [
      replaced(`crates/${crate}/Cargo.toml`, /(\nversion = )"[^"]+"/, tokenization.version),
      replaced("Cargo.lock", new RegExp(`(name = "codex-${crate}"\nversion = )"[^"]+"`), tokenization.version),
    ]),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--sync-versions")) {
    for (let i = 0; i < versionedFiles().length; i++) {
      const { path, wanted } = versionedFiles()[i]; // read again: two places may be in one file
      writeFileSync(path, wanted);
    }
  } else {
    const made = makePlatformPackages();
    for (const { name, folder, glibc } of made) console.log(`${name}: ${folder}${glibc ? `, glibc ${glibc}` : ""}`);
    if (process.argv.includes("--complete")) {
      const missing = PLATFORMS.filter(({ name }) => !made.some((one) => one.name === name));
      for (const { name } of missing) console.error(`${name}: not in packages/engine/native`);
      const modern = made.filter(({ glibc }) => glibc !== undefined && isNewer(glibc, OLDEST_GLIBC));
      for (const { name, glibc } of modern)
        console.error(`${name}: needs glibc ${glibc}, expected ${OLDEST_GLIBC} at most`);
      process.exitCode = missing.length + modern.length > 0 ? 1 : 0;
    }
  }
}
