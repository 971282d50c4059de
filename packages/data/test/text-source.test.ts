import { symlinkSync, truncateSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { createTextSource } from "@codex/data";
import { collect } from "./support/sources.ts";
import { useTemporaryDirectory } from "./support/temporary.ts";

const files = useTemporaryDirectory();
const read = async (options: Parameters<typeof createTextSource>[0]) =>
  collect(createTextSource(options, { directory: files.path() }).documents());
const texts = async (options: Parameters<typeof createTextSource>[0]) => (await read(options)).map(({ text }) => text);

describe("paths", () => {
  test("a folder gives all files below it but hidden ones, by name whatever was made first", async () => {
    files.write("corpus/b.txt", "B");
    files.write("corpus/Z.txt", "Z");
    files.write("corpus/a/x.txt", "X");
    files.write("corpus/.git/config", "no");
    files.write("corpus/.hidden.txt", "no");
    expect(await read({ path: "corpus" })).toEqual([
      { text: "Z", origin: "corpus/Z.txt", continues: false },
      { text: "X", origin: "corpus/a/x.txt", continues: false },
      { text: "B", origin: "corpus/b.txt", continues: false },
    ]);
  });

  test("links to files and folders are followed", async () => {
    files.write("elsewhere/deep/a.txt", "A");
    files.write("b.txt", "B");
    files.write("corpus/c.txt", "C");
    symlinkSync(files.path("elsewhere"), files.path("corpus/folder"));
    symlinkSync(files.path("b.txt"), files.path("corpus/b.txt"));
    expect(await read({ path: "corpus" })).toEqual([
      { text: "B", origin: "corpus/b.txt", continues: false },
      { text: "C", origin: "corpus/c.txt", continues: false },
      { text: "A", origin: "corpus/folder/deep/a.txt", continues: false },
    ]);
  });

  test("globs, lists and overlaps: each file once", async () => {
    files.write("one.md", "1");
    files.write("deep/er/two.md", "2");
    files.write("three.txt", "3");
    expect(await texts({ path: "**/*.md" })).toEqual(["2", "1"]);
    expect(await texts({ path: ["three.txt", "*.md", files.path("one.md")] })).toEqual(["1", "3"]);
  });

  test("a file whose name looks like a pattern is that file", async () => {
    files.write("notes [1].txt", "here");
    expect(await texts({ path: "notes [1].txt" })).toEqual(["here"]);
  });

  test("inputs are the files with size and sha256", async () => {
    files.write("a.txt", "abc");
    expect(await createTextSource({ path: "a.txt" }, { directory: files.path() }).inputs()).toEqual([
      { path: "a.txt", bytes: 3, sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" }, // FIPS 180-2, B.1
    ]);
  });
});

describe("text", () => {
  test("characters across the chunks of a file arrive whole, a byte order mark does not", async () => {
    const text = `x${"\u{1f600}\u00e9\u20ac".repeat(60_000)}`; // 9 bytes each: every offset in a character meets a border
    files.write("a.txt", `\ufeff${text}`);
    files.write("a.txt.gz", gzipSync(text));
    expect(await texts({ path: "a.txt" })).toEqual([text]);
    expect(await texts({ path: "a.txt.gz" })).toEqual([text]);
  });

  test("gzip is known by its contents, and several members are one file", async () => {
    files.write("a.txt", Buffer.concat([gzipSync("first "), gzipSync("second")]));
    expect(await texts({ path: "a.txt" })).toEqual(["first second"]);
  });

  test("a long file comes in pieces that end with a line and make up the file", async () => {
    const lines = Array.from(
      { length: 40_000 },
      (_, i) => `line ${i}${" word".repeat(i % 20)}\n${i % 7 === 0 ? "\n  " : ""}`,
    );
    files.write("a.txt", lines.join(""));
    const documents = await read({ path: "a.txt" });
    expect(documents.length).toBe(3);
    expect(documents.map(({ text }) => text).join("")).toBe(lines.join(""));
    expect(documents.map(({ continues }) => continues)).toEqual([false, true, true]);
    for (const { text } of documents.slice(0, -1)) expect(text).toMatch(/\S\n$/);
    for (const { text } of documents.slice(1)) expect(text).toMatch(/^line /);
  });

  test("without a line break pieces end between words, without words between characters", async () => {
    files.write("words.txt", "word ".repeat(300_000));
    const words = await texts({ path: "words.txt" });
    expect(words.slice(1).every((text) => text.startsWith(" word"))).toBe(true);
    files.write("emoji.txt", `a${"\u{1f600}".repeat(600_000)}`);
    const emoji = await texts({ path: "emoji.txt" });
    for (const text of emoji) expect(Buffer.from(text, "utf8").toString("utf8")).toBe(text);
    expect(emoji.length).toBe(2);
    expect(emoji.join("").length).toBe(1_200_001);
  });

  test("lines and paragraphs are documents when asked", async () => {
    files.write("a.txt", "one\r\ntwo\n\n\n  \nthree\nfour");
    expect(await read({ path: "a.txt", unit: "line" })).toEqual([
      { text: "one", origin: "a.txt:1" },
      { text: "two", origin: "a.txt:2" },
      { text: "", origin: "a.txt:3" },
      { text: "", origin: "a.txt:4" },
      { text: "  ", origin: "a.txt:5" },
      { text: "three", origin: "a.txt:6" },
      { text: "four", origin: "a.txt:7" },
    ]);
    expect(await read({ path: "a.txt", unit: "paragraph" })).toEqual([
      { text: "one\ntwo", origin: "a.txt:1" },
      { text: "three\nfour", origin: "a.txt:6" },
    ]);
  });
});

describe("inputs", () => {
  const MIB = 1 << 20;
  const ZEROS = "9efc5dc2d6584895ba90dc7a5ab20477e9de4a6cd0195c13c502784cb41d5066"; // sha256 of 129 MiB of them

  test("tell how far they are, can be stopped, and are read once", async () => {
    truncateSync(files.write("large.txt", ""), 129 * MIB);
    const source = createTextSource({ path: "large.txt" }, { directory: files.path() });
    const abort = new AbortController();
    const reason = new Error("stopped");
    const stopped = source.inputs({ signal: abort.signal, onProgress: () => abort.abort(reason) });
    await expect(stopped).rejects.toBe(reason);

    const seen: unknown[] = [];
    const onProgress = (progress: unknown) => seen.push(progress);
    const inputs = [{ path: "large.txt", bytes: 129 * MIB, sha256: ZEROS }];
    expect(await source.inputs({ onProgress })).toEqual(inputs);
    expect(seen).toEqual([64, 128].map((mib) => ({ bytes: mib * MIB, totalBytes: 129 * MIB })));
    expect(await source.inputs({ onProgress })).toEqual(inputs);
    expect(seen.length).toBe(2);
  });

  test("a file that was written to is read again", async () => {
    files.write("a.txt", "less");
    const source = createTextSource({ path: "a.txt" }, { directory: files.path() });
    const [before] = await source.inputs();
    files.write("a.txt", "more");
    const [after] = await source.inputs();
    expect([before!.sha256.slice(0, 8), after!.sha256.slice(0, 8)]).toEqual(["4fdd3b62", "187897ce"]);
  });
});

describe("rows", () => {
  test("JSONL: the named key, blank lines skipped, gzip by extension", async () => {
    const rows = '{"text":"a\\nb","n":1}\n\n{"text":"","other":"x"}\n{"body":"c","text":"d"}';
    files.write("a.jsonl", rows);
    files.write("b.ndjson.gz", gzipSync(rows));
    expect(await read({ path: "a.jsonl" })).toEqual([
      { text: "a\nb", origin: "a.jsonl:1" },
      { text: "", origin: "a.jsonl:3" },
      { text: "d", origin: "a.jsonl:4" },
    ]);
    expect(await texts({ path: "b.ndjson.gz" })).toEqual(["a\nb", "", "d"]);
    files.write("c.data", '{"body":"c"}');
    expect(await texts({ path: "c.data", format: "jsonl", column: "body" })).toEqual(["c"]);
  });

  test("CSV: header, quotes, line breaks in fields; tabs in .tsv", async () => {
    files.write("a.csv", 'id,text\r\n1,"say ""hi"", all"\r\n2,"two\nlines"\r\n\r\n3,plain\r\n');
    expect(await read({ path: "a.csv" })).toEqual([
      { text: 'say "hi", all', origin: "a.csv:2" },
      { text: "two\nlines", origin: "a.csv:4" },
      { text: "plain", origin: "a.csv:6" },
    ]);
    files.write("b.tsv", "text\tid\nwith, comma\t1\n");
    expect(await texts({ path: "b.tsv" })).toEqual(["with, comma"]);
    expect(await texts({ path: "b.tsv", column: "id" })).toEqual(["1"]);
  });

  test("a row that is longer than any chunk is one row", async () => {
    const long = "x".repeat(600_000);
    files.write("a.jsonl", `${JSON.stringify({ text: long })}\n{"text":"y"}\n`);
    files.write("a.csv", `text\n"${long}"\ny\n`);
    expect(await texts({ path: "a.jsonl" })).toEqual([long, "y"]);
    expect(await texts({ path: "a.csv" })).toEqual([long, "y"]);
  });
});
