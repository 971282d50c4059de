/** Text of the files that packages bring: markup goes, what a person reads stays. */
import { execFileSync } from "node:child_process";
import { gunzipSync } from "node:zlib";

const ENTITIES = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  copy: "\u00a9",
  hellip: "\u2026",
  mdash: "\u2014",
};

const READERS = [
  { ending: /\.(html?|xhtml|page|xml|docbook)$/i, read: (bytes) => withoutTags(decode(bytes)) },
  { ending: /\.mo$/, read: messages },
  { ending: /\.(xpi|jar)$/, read: archive },
  { ending: /\.(ftl|properties)$/, read: (bytes) => assigned(decode(bytes)) },
  { ending: /\.[1-9][a-z]*$/, read: (bytes) => withoutRoff(decode(bytes)) },
  { ending: /\.(txt|md|rst|pod|tex|info(-\d+)?|texi|rtx?)$/i, read: decode },
  { ending: /\.(json)$/, read: (bytes) => strings(JSON.parse(decode(bytes))).join("\n") },
  { ending: /\.(c|h|hpp|ipp|go|rs|py|java|d\.ts|js|mjs)$/, read: decode },
  {
    ending: /\/(SKK-JISYO[^/]*|edict|[A-Z][\w.]*\.csv)$/,
    read: (bytes) => new TextDecoder("euc-jp", { fatal: true }).decode(bytes),
  },
  { ending: /(^|\/)[A-Za-z0-9_-]+$/, read: decode },
];

/** @returns undefined for a file that holds no text, or none that is known here */
export function plainText(file, bytes) {
  try {
    const name = file.replace(/\.(gz|dz)$/, "");
    const contents = name === file ? bytes : gunzipSync(bytes);
    const text = READERS.find(({ ending }) => ending.test(name))?.read(contents, file);
    return text === undefined || text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

function decode(bytes) {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function withoutTags(markup) {
  return markup
    .replace(/<(script|style|head)\b[\s\S]*?<\/\1>/gi, " ")
    .replace(/<!--[\s\S]*?-->/g, " ")
    .replace(/<\/?(p|div|li|tr|td|th|h\d|dt|dd|br|pre|ul|ol|table|section|title|item|note|entry|para)\b[^>]*>/gi, "\n")
    .replace(/<[^>]*>/g, "")
    .replace(/&#(x?)([0-9a-f]+);/gi, (_, hexadecimal, digits) => {
      const code = Number.parseInt(digits, hexadecimal === "" ? 10 : 16);
      return code > 0 && code < 0x110000 && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : " ";
    })
    .replace(/&([a-z]+);/gi, (entity, name) => ENTITIES[name] ?? entity)
    .replace(/[ \t]+\n/g, "\n")
    .replace(/\n{3,}/g, "\n\n");
}

function withoutRoff(source) {
  return source
    .replace(/^[.']\\".*$/gm, "")
    .replace(/^\.(SH|SS|B|I|BR|IR|RB|BI|RI|IB|TP|IP|Nm|Fl|Ar|Sh|Ss|Xr)\b ?(.*)$/gm, "$2")
    .replace(/^[.'].*$/gm, "")
    .replace(/\\f(\[\w*\]|\(..|.)/g, "")
    .replace(/\\([-&e ])/g, (_, letter) => (letter === "&" ? "" : letter === "e" ? "\\" : letter))
    .replace(/\\\(..|\\s[-+]?\d/g, "")
    .replace(/\n{3,}/g, "\n\n");
}

/** The translations of a compiled catalogue of gettext. */
function messages(bytes) {
  const little = bytes.readUInt32LE(0) === 0x950412de;
  const word = (offset) => (little ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset));
  const [count, table] = [word(8), word(16)];
  const texts = [];
  // The first entry is the header of the file.
  for (let index = 1; index < count; index++) {
    const [length, offset] = [word(table + 8 * index), word(table + 8 * index + 4)];
    texts.push(...decode(bytes.subarray(offset, offset + length)).split("\0"));
  }
  return texts.join("\n");
}

/** Translations inside a zip archive. */
function archive(_, file) {
  const names = execFileSync("unzip", ["-Z1", file], { encoding: "utf8" })
    .split("\n")
    .filter((name) => /\.(ftl|properties|html?)$/.test(name));
  return names
    .map((name) => plainText(name, execFileSync("unzip", ["-p", file, name], { maxBuffer: 1 << 28 })) ?? "")
    .join("\n");
}

function assigned(source) {
  return source
    .split("\n")
    .filter((line) => !/^\s*#/.test(line))
    .map((line) => line.replace(/^\s*[.\w-]+\s*=\s*/, ""))
    .join("\n");
}

function strings(value) {
  if (typeof value === "string") return [value];
  return value !== null && typeof value === "object" ? Object.values(value).flatMap(strings) : [];
}
