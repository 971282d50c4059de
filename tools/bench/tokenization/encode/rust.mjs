/** The native core without JavaScript: takes the tables that the binding is given, and has crates/tokenizer/examples/encode_speed.rs encode with them. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseTokenizer } from "@codex/tokenization";

const { folder, corpus, tokenizer, megabytes, seconds, program, native } = JSON.parse(process.argv[2]);

/** What `parseTokenizer` gives the native encoder. */
function tablesOf(json) {
  const library = readdirSync(native).find((file) => file.endsWith(".node"));
  const binding = createRequire(import.meta.url)(join(native, library));
  let tables;
  binding.NativeEncoder = class {
    constructor(options) {
      tables = options;
    }
    encode() {
      return new Uint32Array();
    }
  };
  parseTokenizer(json).encode("the encoder is made on first use");
  return tables;
}

const { preTokenizer, byteIds, merges, wholePieces } = tablesOf(
  JSON.parse(readFileSync(join(folder, `${tokenizer}.tokenizer.json`), "utf8")),
);
const parts = [
  Buffer.from(preTokenizer),
  byteIds,
  merges,
  wholePieces?.bytes ?? [],
  wholePieces?.offsets ?? [],
  wholePieces?.ids ?? [],
];
const files = Object.fromEntries(["tables", "lengths", "ids"].map((name) => [name, join(folder, `rust.${name}`)]));
writeFileSync(
  files.tables,
  Buffer.concat(parts.flatMap((part) => [Uint32Array.of(part.length), Uint32Array.from(part)].map(bytesOf))),
);
writeFileSync(files.lengths, Uint32Array.from(JSON.parse(readFileSync(join(folder, `${corpus}.json`), "utf8"))));
const text = join(folder, `${corpus}.txt`);
const output = execFileSync(
  program,
  [files.tables, text, files.lengths, String(megabytes), String(seconds), files.ids],
  { encoding: "utf8" },
);

function bytesOf(words) {
  return Buffer.from(words.buffer);
}

const lines = output.trim().split("\n");
const ids = openSync(files.ids, "r");
const chunks = lines.slice(0, -1).map((line) => {
  const [bytes, best, count] = line.split(" ").map(Number);
  const chunk = Buffer.allocUnsafe(4 * count);
  readSync(ids, chunk, 0, chunk.length, null);
  return { bytes, seconds: best, hash: createHash("sha256").update(chunk).digest("hex") };
});
closeSync(ids);
console.log(JSON.stringify({ chunks, peakMemoryBytes: Number(lines.at(-1)) }));
