/**
 * The packages that carry the native libraries of `@codex/engine` and `@codex/tokenization`, one a platform (the convention of napi-rs): npm installs
 * the one whose `os`, `cpu` and `libc` fit, because the package names all of them as optional dependencies of its own version.
 *
 *   node tools/native/platform-packages.mjs                    packages/<package>/npm/<platform> for each library in packages/<package>/native
 *   node tools/native/platform-packages.mjs --complete         fails unless every platform is there, with a glibc that is old enough
 *   node tools/native/platform-packages.mjs --sync-versions    after `changeset version`: the versions of @codex/engine and @codex/tokenization everywhere
 *
 * tools/native/README.md says how the libraries are built.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LIBRARIES, libraryPlace } from "./build.mjs";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

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

function folderOf(library) {
  return join(repository, "packages", LIBRARIES[library].package);
}

function readManifest(library) {
  return JSON.parse(readFileSync(join(folderOf(library), "package.json"), "utf8"));
}

/** What the packages of a library are called, in the order of `PLATFORMS`. */
export function platformPackageNames(library) {
  const { name } = readManifest(library);
  return PLATFORMS.map((platform) => `${name}-${platform.name}`);
}

/** Makes the folder of one platform, which has to be built. */
function makePackage(library, { name, os, cpu, libc, target }) {
  const place = libraryPlace(library, name);
  const folder = join(folderOf(library), "npm", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(place, join(folder, basename(place)));
  copyFileSync(join(repository, "LICENSE"), join(folder, "LICENSE"));
  const { name: owner, version, engines, license } = readManifest(library);
  const manifest = {
    name: `${owner}-${name}`,
    version,
    description: `The library of ${owner} for ${target}.`,
    license,
    engines,
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    main: basename(place),
    files: [basename(place)],
    publishConfig: { access: "public" },
  };
  const glibc = libc === "glibc" ? requiredGlibc(place) : undefined;
  const needs = glibc === undefined ? "" : ` It needs glibc ${glibc}.`;
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(
    join(folder, "README.md"),
    `# ${manifest.name}\n\nThe library of [${owner}](https://www.npmjs.com/package/${owner}) for \`${target}\`. Install \`${owner}\`, which brings it where it fits.${needs}\n`,
  );
  return { library, name, folder, manifest, glibc };
}

/** Makes the packages of all platforms whose library is built. */
export function makePlatformPackages() {
  return Object.keys(LIBRARIES).flatMap((library) =>
    PLATFORMS.filter(({ name }) => existsSync(libraryPlace(library, name))).map((platform) =>
      makePackage(library, platform),
    ),
  );
}

/** Where the versions of the packages with a library stand besides their manifests; each place with it put in. */
export function versionedFiles() {
  const replaced = (path, pattern, version) => {
    const text = readFileSync(join(repository, path), "utf8");
    return { path: join(repository, path), text, wanted: text.replace(pattern, `$1"${version}"`) };
  };
  const { version: engine } = readManifest("engine");
  const { version: tokenizer } = readManifest("tokenizer");
  return [
    ...Object.keys(LIBRARIES).map(withPlatformPackages),
    replaced("Cargo.toml", /(\[workspace\.package\]\nversion = )"[^"]+"/, engine),
    replaced("Cargo.lock", /(name = "codex-engine"\nversion = )"[^"]+"/, engine),
    replaced("Cargo.lock", /(name = "codex-engine-napi"\nversion = )"[^"]+"/, engine),
    ...["tokenizer", "tokenizer-napi"].flatMap((crate) => [
      replaced(`crates/${crate}/Cargo.toml`, /(\nversion = )"[^"]+"/, tokenizer),
      replaced("Cargo.lock", new RegExp(`(name = "codex-${crate}"\nversion = )"[^"]+"`), tokenizer),
    ]),
  ];
}

/** The manifest of a package with its platforms' packages among the optional dependencies. */
function withPlatformPackages(library) {
  const path = join(folderOf(library), "package.json");
  const manifest = readManifest(library);
  manifest.optionalDependencies = Object.fromEntries(
    platformPackageNames(library).map((name) => [name, manifest.version]),
  );
  return { path, text: readFileSync(path, "utf8"), wanted: `${JSON.stringify(manifest, null, 2)}\n` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--sync-versions")) {
    for (let i = 0; i < versionedFiles().length; i++) {
      const { path, wanted } = versionedFiles()[i]; // read again: two places may be in one file
      writeFileSync(path, wanted);
    }
  } else {
    const made = makePlatformPackages();
    for (const { manifest, folder, glibc } of made)
      console.log(`${manifest.name}: ${folder}${glibc ? `, glibc ${glibc}` : ""}`);
    if (process.argv.includes("--complete")) {
      const complaints = Object.keys(LIBRARIES).flatMap((library) =>
        PLATFORMS.flatMap(({ name }) => {
          const one = made.find((package_) => package_.library === library && package_.name === name);
          if (one === undefined) return [`${libraryPlace(library, name)}: is not there`];
          if (one.glibc === undefined || !isNewer(one.glibc, OLDEST_GLIBC)) return [];
          return [`${one.manifest.name}: needs glibc ${one.glibc}, expected ${OLDEST_GLIBC} at most`];
        }),
      );
      for (const complaint of complaints) console.error(complaint);
      process.exitCode = complaints.length > 0 ? 1 : 0;
    }
  }
}
