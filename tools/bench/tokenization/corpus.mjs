/**
 * Text to measure with, gathered from what package managers have put onto this machine; it is kept in `.cache` and never committed.
 *
 *   english     documentation: text, Markdown and reStructuredText of /usr/share/doc and of npm packages
 *   prose       a hundred megabytes to train on: all of /usr/share/doc, manual pages, and of Python and C headers what is left to take
 *   code        Python of /usr/lib/python3*, declarations and JavaScript of npm packages
 *   cjk         TypeScript's messages in Chinese, Japanese and Korean
 *   worst-...   a megabyte without a place to cut
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const MEGABYTE = 1_000_000;
const DOCUMENT = 100_000; // UTF-16 units; longer files are several documents

/** Places, endings of files, and bytes at most. */
const GATHERED = {
  english: {
    places: ["/usr/share/doc", "node_modules/.pnpm"],
    endings: /\.(txt|md|rst)(\.gz)?$|README(\.gz)?$/i,
    limit: 20 * MEGABYTE,
  },
  prose: {
    places: [
      "/usr/share/doc",
      "/usr/share/man",
      "node_modules/.pnpm",
      "/usr/share/perl",
      "/usr/lib/python3",
      "/usr/include",
    ],
    endings: /\.(txt|md|rst|html|[1-8]|pod|pm|py|h)(\.gz)?$|README(\.gz)?$|changelog.*\.gz$|copyright$/i,
    limit: 110 * MEGABYTE,
  },
  code: {
    places: [
      "/usr/lib/python3",
      "/usr/lib/python3.11",
      "/usr/lib/python3.12",
      "/usr/lib/python3.13",
      "node_modules/.pnpm",
    ],
    endings: /\.(py|d\.ts|js)$/,
    limit: 30 * MEGABYTE,
  },
  cjk: {
    places: ["node_modules/typescript/lib"],
    endings: /(zh-cn|zh-tw|ja|ko)\/diagnosticMessages\.generated\.json$/,
    limit: 5 * MEGABYTE,
  },
};

const WORST = {
  "worst-letter": () => "a".repeat(MEGABYTE),
  "worst-caret": () => "^".repeat(MEGABYTE),
  "worst-spaces": () => " ".repeat(MEGABYTE),
  "worst-base64": () => {
    let state = createHash("sha256").update("base64").digest();
    const parts = [];
    for (let length = 0; length < MEGABYTE; length += 32) {
      parts.push(state);
      state = createHash("sha256").update(state).digest();
    }
    return Buffer.concat(parts).toString("base64").replace(/[+/=]/g, "x").slice(0, MEGABYTE);
  },
  "worst-cjk": () =>
    Array.from({ length: MEGABYTE / 3 }, (_, i) => String.fromCharCode(0x4e00 + ((i * i * 31) % 5000))).join(""),
};

/** Those that encoding is measured on; `prose` is for training. */
export const CORPORA = [...Object.keys(GATHERED).filter((name) => name !== "prose"), ...Object.keys(WORST)];

/**
 * Writes a corpus and says where: `<name>.txt`, all documents one after the other, and `<name>.json`, their lengths in bytes.
 * @returns {{ text: string, lengths: string, bytes: number, documents: number }}
 */
export function writeCorpus(name, folder) {
  const text = join(folder, `${name}.txt`);
  const lengths = join(folder, `${name}.json`);
  if (!existsSync(lengths)) {
    mkdirSync(folder, { recursive: true });
    const documents = (name in WORST ? [WORST[name]()] : gather(GATHERED[name], name)).map((document) =>
      Buffer.from(document),
    );
    writeFileSync(text, Buffer.concat(documents));
    writeFileSync(lengths, JSON.stringify(documents.map((document) => document.length)));
  }
  return { text, lengths, bytes: statSync(text).size, documents: JSON.parse(readFileSync(lengths, "utf8")).length };
}

function gather({ places, endings, limit }, name) {
  const documents = [];
  const seen = new Set();
  let bytes = 0;
  for (const place of places) {
    // A corpus of several places has something of each.
    const room = bytes + (limit - bytes) / (places.length - places.indexOf(place));
    for (const file of filesBelow(place, endings)) {
      if (bytes >= room) break;
      const contents = readText(file, name);
      const hash = contents === undefined ? "" : createHash("sha256").update(contents).digest("base64");
      if (contents === undefined || seen.has(hash)) continue;
      seen.add(hash);
      for (let start = 0; start < contents.length; start += DOCUMENT)
        documents.push(contents.slice(start, start + DOCUMENT));
      bytes += Buffer.byteLength(contents);
    }
  }
  return documents;
}

function filesBelow(place, endings) {
  if (!existsSync(place)) return [];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => endings.test(file))
    .sort();
}

/** @returns undefined for what is no text, and for text that is too little */
function readText(file, name) {
  const raw = readFileSync(file);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(file.endsWith(".gz") ? gunzipSync(raw) : raw);
  } catch {
    return undefined;
  }
  if (name === "cjk") text = Object.values(JSON.parse(text)).join("\n");
  const longestLine = text.split("\n").reduce((most, line) => Math.max(most, line.length), 0);
  // Minified code is not what a model is trained on.
  return text.length < 500 || longestLine > 2000 || text.includes("\0") ? undefined : text;
}
