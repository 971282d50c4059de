/** Downloads Debian packages with the machine's own apt, unpacks them beside each other without installing them, and takes their text. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { cjkCharacters, GATHERED } from "./packages.mjs";
import { plainText } from "./plain-text.mjs";

const DOCUMENT = 100_000; // UTF-16 units; longer files are several documents
const LIMIT = 110_000_000; // bytes

/**
 * @returns documents in an order that hashes give, so that the first megabytes of a corpus are like the rest, and where they come from
 * @throws {Error} where there is no apt
 */
export function gather(name, folder) {
  const { packages, languages, endings, lines, distinctLines, most } = GATHERED[name];
  const seen = new Set();
  const documents = [];
  const sources = [];
  let bytes = 0;
  const take = (source, texts) => {
    const before = bytes;
    for (const text of texts) {
      if (bytes >= LIMIT || bytes - before >= most) break;
      const kept = keptLines(text, lines, distinctLines ? seen : undefined);
      const hash = digest(kept);
      if (kept.length < 200 || seen.has(hash)) continue;
      seen.add(hash);
      for (const document of cut(kept)) {
        documents.push(document);
        bytes += Buffer.byteLength(document);
      }
    }
    sources.push({ source, bytes: bytes - before });
  };
  for (const language of languages) take(`apt descriptions (${language})`, [descriptions(language, folder)]);
  for (const name of packages) {
    if (bytes >= LIMIT) break;
    const archive = download(name, join(folder, "packages"));
    const unpacked = mkdtempSync(join(folder, "unpacked-"));
    execFileSync("dpkg-deb", ["-x", archive, unpacked]);
    take(basename(archive, ".deb"), textsBelow(unpacked, endings));
    rmSync(unpacked, { recursive: true });
  }
  const cjk = documents.reduce((sum, document) => sum + 3 * cjkCharacters(document), 0);
  const sorted = documents
    .map((document) => ({ document, hash: digest(document) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : 1));
  return { documents: sorted.map(({ document }) => document), about: { bytes, cjkShare: cjk / bytes, sources } };
}

/** At ends of lines. White space at the end goes: implementations differ about it there, and no document needs it. */
function* cut(text) {
  for (let start = 0; start < text.length; ) {
    const lineEnd = start + DOCUMENT >= text.length ? text.length : text.lastIndexOf("\n", start + DOCUMENT) + 1;
    const end = lineEnd > start ? lineEnd : start + DOCUMENT;
    const document = text.slice(start, end).trimEnd();
    if (document !== "") yield document;
    start = end;
  }
}

function digest(text) {
  return createHash("sha256").update(text).digest("base64");
}

function keptLines(text, wanted, seen) {
  return text
    .split("\n")
    .filter((line) => {
      if (line.length > 2000) return false; // no prose, and no source that a person wrote
      if (!wanted(line)) return seen === undefined && line.trim() === "";
      if (seen === undefined) return true;
      const trimmed = line.trim();
      return !seen.has(trimmed) && seen.add(trimmed);
    })
    .join("\n")
    .concat("\n");
}

function* textsBelow(folder, endings) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => endings.test(file) && !/changelog|copyright|\/DEBIAN\//i.test(file));
  for (const file of files.sort()) {
    const text = plainText(file, readFileSync(file));
    if (text !== undefined) yield text;
  }
}

function download(name, folder) {
  mkdirSync(folder, { recursive: true });
  const existing = () => readdirSync(folder).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
  if (existing() === undefined) {
    const { status, stderr, error } = spawnSync("apt-get", ["download", name], { cwd: folder, encoding: "utf8" });
    if (error !== undefined)
      throw new Error(`text is gathered with apt-get, which does not run here: ${error.message}`);
    if (status !== 0) throw new Error(`apt-get download ${name}: ${stderr.trim().split("\n").at(-1)}`);
  }
  return join(folder, existing());
}

/** Descriptions of packages in a language, from lists of their own, so that those of the machine stay as they are. */
function descriptions(language, folder) {
  const lists = join(folder, "lists", language);
  const options = [
    `Dir::State::Lists=${lists}`,
    `Acquire::Languages=${language}`,
    "Dir::Cache::pkgcache=",
    "Dir::Cache::srcpkgcache=",
  ].flatMap((option) => ["-o", option]);
  const found = () => readdirSync(lists).filter((file) => file.includes("i18n_Translation-"));
  mkdirSync(join(lists, "partial"), { recursive: true });
  if (found().length === 0) execFileSync("apt-get", [...options, "update"], { stdio: "ignore" });
  return found()
    .sort()
    .map((file) =>
      execFileSync("/usr/lib/apt/apt-helper", ["cat-file", join(lists, file)], {
        maxBuffer: 1 << 28,
        encoding: "utf8",
      }),
    )
    .join("\n")
    .replace(/^(Package|Description-md5): .*\n/gm, "")
    .replace(/^Description-\w+: /gm, "\n")
    .replace(/^ \.$/gm, "")
    .replace(/^ /gm, "");
}
