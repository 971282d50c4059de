import { gzipSync } from "node:zlib";
import { createBatchSource, createCorpus, createTextSource, DataError, tokenizeCorpus } from "@codex/data";
import { byteEncoder, collect, sourceOf } from "./support/sources.ts";
import { useTemporaryDirectory } from "./support/temporary.ts";

const files = useTemporaryDirectory();

async function problemOf(action: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { code: error.code, message: error.message.replaceAll(files.path(), "DIR/").replace("DIR//", "DIR/") };
  }
  throw new Error("expected an error, got none");
}
const reading = (options: Parameters<typeof createTextSource>[0]) =>
  problemOf(() => collect(createTextSource(options, { directory: files.path() }).documents()));

test("a missing file, an empty folder, a pattern without match", async () => {
  files.write("folder/.hidden", "");
  expect(await reading({ path: "nowhere.txt" })).toEqual({
    code: "DATA_FILE_NOT_FOUND",
    message: "nowhere.txt: no such file or folder (looked for DIR/nowhere.txt)",
  });
  expect((await reading({ path: "folder" })).message).toMatch(/^folder: no file there/);
  expect((await reading({ path: "*.txt" })).message).toMatch(/^\*\.txt: no file there/);
  expect((await reading({ path: "folder/.hidden/x" })).code).toBe("DATA_FILE_NOT_FOUND");
});

test("bytes that are not UTF-8: file, offset and byte, also far into a file", async () => {
  files.write("latin.txt", Buffer.from("caf\u00e9 ", "latin1"));
  expect(await reading({ path: "latin.txt" })).toEqual({
    code: "DATA_UTF8_INVALID",
    message: "latin.txt: byte 3 (0xe9) is not valid UTF-8",
  });
  const bytes = Buffer.from("\u00e9".repeat(500_000), "utf8");
  bytes[700_001] = 0x28; // the second byte of a character
  files.write("far.txt", bytes);
  expect((await reading({ path: "far.txt" })).message).toBe("far.txt: byte 700000 (0xc3) is not valid UTF-8");
  files.write("cut.txt", Buffer.from("ab\u20ac", "utf8").subarray(0, 4));
  expect((await reading({ path: "cut.txt" })).message).toBe("cut.txt: byte 2 (0xe2) is not valid UTF-8");
  files.write("far.txt.gz", gzipSync(bytes));
  expect((await reading({ path: "far.txt.gz" })).message).toBe(
    "far.txt.gz (unpacked): byte 700000 (0xc3) is not valid UTF-8",
  );
});

test.each([
  ["overlong", [0xc0, 0xaf]],
  ["surrogate", [0xed, 0xa0, 0x80]],
  ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["lone continuation", [0x80]],
])("UTF-8 that is not: %s", async (_, bytes) => {
  files.write("a.txt", Buffer.from([0x61, ...bytes, 0x62]));
  expect(await reading({ path: "a.txt" })).toEqual({
    code: "DATA_UTF8_INVALID",
    message: `a.txt: byte 1 (0x${bytes[0]!.toString(16)}) is not valid UTF-8`,
  });
});

test("a binary file and UTF-16", async () => {
  files.write("a.png", Buffer.from("89504e470d0a1a0a0000000d", "hex"));
  expect(await reading({ path: "a.png" })).toEqual({
    code: "DATA_BINARY_FILE",
    message: "a.png: expected text, but byte 8 is 0: this is a binary file",
  });
  files.write("b.txt", Buffer.from("\ufeffhello", "utf16le"));
  expect(await reading({ path: "b.txt" })).toEqual({
    code: "DATA_BINARY_FILE",
    message: "b.txt: expected UTF-8, but the first two bytes are the mark of UTF-16",
  });
});

test("a gzip file that is cut off or damaged", async () => {
  const packed = gzipSync("some text that is long enough to be cut somewhere in the middle of it".repeat(50));
  files.write("cut.txt.gz", packed.subarray(0, 60));
  expect(await reading({ path: "cut.txt.gz" })).toEqual({
    code: "DATA_GZIP_INVALID",
    message: "cut.txt.gz: the gzip file is cut off: expected more data after its 60 bytes",
  });
  const damaged = Buffer.from(packed);
  damaged[damaged.length - 6]! ^= 1; // in the CRC-32 at its end
  files.write("damaged.txt.gz", damaged);
  expect((await reading({ path: "damaged.txt.gz" })).message).toBe(
    "damaged.txt.gz: the gzip file is damaged (incorrect data check)",
  );
});

test.each([
  ['{"text":"a"}\n\n{"text":', "rows.jsonl:3: expected one JSON object per line: "],
  ['{"text":"a"}\n["b"]', "rows.jsonl:2: expected a JSON object, got an array"],
  ['{"body":"a","n":1}', 'rows.jsonl:1: expected a string under "text", got nothing; the row has "body", "n"'],
  ['{"text":7}', 'rows.jsonl:1: expected a string under "text", got number; the row has "text"'],
  ["{}", 'rows.jsonl:1: expected a string under "text", got nothing; the row has no keys'],
])("a JSONL row: %s", async (contents, message) => {
  files.write("rows.jsonl", contents);
  const problem = await reading({ path: "rows.jsonl" });
  expect(problem.code).toBe("DATA_ROW_INVALID");
  expect(problem.message).toContain(message);
});

test("a key of Object.prototype is not a column", async () => {
  files.write("rows.jsonl", '{"text":"a"}');
  expect((await reading({ path: "rows.jsonl", column: "constructor" })).message).toContain("got nothing");
});

test.each([
  ["text,n\na,1\nb\n", "rows.csv:3: Invalid Record Length: expect 2, got 1 on line 3"],
  ['text\na\n"b\nc\n', "rows.csv:3: the row that begins here does not end"],
  ['text\n"a"b\n', "rows.csv:2: Invalid Closing Quote"],
  ['text\na "b"\n', "rows.csv:2: Invalid Opening Quote"],
  ["id,body\n1,a\n", 'rows.csv:1: expected a column "text", the header row has "id", "body"'],
])("a CSV row: %j", async (contents, message) => {
  files.write("rows.csv", contents);
  const problem = await reading({ path: "rows.csv" });
  expect(problem.code).toBe("DATA_ROW_INVALID");
  expect(problem.message).toContain(message);
});

test("bytes that are not UTF-8 in a CSV file are that error and not one of CSV", async () => {
  files.write("rows.csv", Buffer.from("text\ncaf\u00e9\n", "latin1"));
  expect((await reading({ path: "rows.csv" })).message).toBe("rows.csv: byte 8 (0xe9) is not valid UTF-8");
});

describe("corpora", () => {
  const tokenizing = (documents: string[], options: Parameters<typeof createCorpus>[1], encoder = byteEncoder) =>
    problemOf(() => tokenizeCorpus(createCorpus(sourceOf(documents), options), encoder));

  test("an empty corpus, by either split", async () => {
    for (const kind of ["hash", "contiguous"] as const) {
      expect(await tokenizing([], { split: { kind } })).toEqual({
        code: "DATA_EMPTY",
        message: "the corpus is empty: expected text, got no document",
      });
      expect((await tokenizing(["", ""], { split: { kind } })).message).toMatch(/got 2 empty documents$/);
    }
  });

  test("an empty validation split, by either split", async () => {
    expect(await tokenizing(["one document"], { split: { validation: 0.1 } })).toEqual({
      code: "DATA_SPLIT_EMPTY",
      message: "the validation split is empty: expected about 10 % of 1 documents",
    });
    expect((await tokenizing(["abc"], { split: { kind: "contiguous", test: 0.1, validation: 0.1 } })).code).toBe(
      "DATA_SPLIT_EMPTY",
    );
    expect((await tokenizing(["a"], { split: { kind: "contiguous", validation: 0.5 } })).message).toMatch(
      /^the train split/,
    );
  });

  test("shares that leave nothing to train on, and a seed that is none", async () => {
    for (const split of [
      { validation: 0.6, test: 0.4 },
      { validation: -0.1 },
      { validation: Number.NaN },
      { seed: 1.5 },
    ]) {
      expect((await problemOf(() => createCorpus(sourceOf([]), { split }))).code).toBe("DATA_OPTIONS_INVALID");
    }
  });

  test("a word that is no option, from code that TypeScript did not look at", async () => {
    const { splits } = await tokenizeCorpus(createCorpus(sourceOf(["abc"]), { split: { validation: 0 } }), byteEncoder);
    const corpus = (options: object) => createCorpus(sourceOf([]), options);
    const source = (options: object) => createTextSource({ path: "a.txt", ...options });
    const actions: [() => unknown, string][] = [
      [() => corpus({ split: { kind: "random" } }), 'split.kind: expected one of hash, contiguous, got "random"'],
      [() => corpus({ normalization: { unicode: "NFD" } }), "normalization.unicode: expected one of none, NFC, NFKC"],
      [() => corpus({ normalization: { newlines: "dos" } }), "normalization.newlines: expected one of preserve, unix"],
      [() => source({ format: "xml" }), "format: expected one of auto, text, jsonl, csv"],
      [() => source({ unit: "word" }), "unit: expected one of file, paragraph, line"],
      [
        () =>
          createBatchSource(splits.train, { sequenceLength: 2, seed: 1, sampling: JSON.parse('{"kind":"windows"}') }),
        "sampling.kind: expected one of packed, random-windows",
      ],
    ];
    for (const [action, message] of actions) {
      const problem = await problemOf(action);
      expect(problem.code).toBe("DATA_OPTIONS_INVALID");
      expect(problem.message).toContain(message);
    }
  });

  test("a source that changes between the two passes", async () => {
    let pass = 0;
    const source = { ...sourceOf([]), documents: () => sourceOf([pass++ === 0 ? "abc" : "abcd"]).documents() };
    const corpus = createCorpus(source, { split: { kind: "contiguous", validation: 0.4 } });
    expect(await problemOf(() => collect(corpus.read()))).toEqual({
      code: "DATA_CHANGED",
      message: "the text changed while it was read: 3 bytes at first, then 4",
    });
  });

  test.each([300, -1, 1.5, Number.NaN])("an encoder that gives the id %d", async (id) => {
    const encoder = { encode: () => [id], vocabSize: 256 };
    expect(await tokenizing(["a"], { split: { validation: 0 } }, encoder)).toEqual({
      code: "DATA_TOKEN_INVALID",
      message: `test:1: the tokenizer gave the id ${id}, expected an integer from 0 to 255`,
    });
  });
});
