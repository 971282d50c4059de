import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  createBatchSource,
  createCorpus,
  createTextSource,
  type TokenEncoder,
  type TokenizeOptions,
  tokenizeCorpus,
} from "@codex/data";
import { nodeFs } from "@codex/storage";
import { interceptFs } from "@codex/storage/testing";
import { byteEncoder, byteEncoderWithEnd, sourceOf } from "./support/sources.ts";
import { useTemporaryDirectory } from "./support/temporary.ts";

const files = useTemporaryDirectory();
const text = Array.from({ length: 200 }, (_, i) => `line ${i}\n`).join("");

/** Tokenizes `corpus/` through the cache, and counts the calls of the encoder. */
async function tokenize(
  options: {
    encoder?: TokenEncoder;
    tokenizerHash?: string;
    corpus?: Parameters<typeof createCorpus>[1];
    source?: object;
    fs?: NonNullable<TokenizeOptions["cache"]>["fs"];
  } = {},
) {
  const encoder = options.encoder ?? byteEncoderWithEnd;
  let calls = 0;
  const counting: TokenEncoder = {
    ...encoder,
    encode: (piece) => {
      calls++;
      return encoder.encode(piece);
    },
  };
  const source = createTextSource({ path: "corpus", unit: "line", ...options.source }, { directory: files.path() });
  const corpus = createCorpus(source, options.corpus ?? { split: { validation: 0.2 } });
  const tokens = await tokenizeCorpus(corpus, counting, {
    cache: {
      directory: files.path("cache/tokens"),
      tokenizerHash: options.tokenizerHash ?? "t1",
      ...(options.fs ? { fs: options.fs } : {}),
    },
  });
  tokens.close();
  return { origin: tokens.origin, manifest: tokens.manifest, calls };
}

beforeEach(() => {
  files.write("corpus/a.txt", text);
});
const cacheFolder = () => join(files.path("cache/tokens"), readdirSync(files.path("cache/tokens"))[0]!);

test("the second run does not tokenize, and gives the same as memory does", async () => {
  const first = await tokenize();
  expect([first.origin, first.calls]).toEqual(["built", 200]);
  const second = await tokenize();
  expect([second.origin, second.calls]).toEqual(["cache", 0]);
  expect(second.manifest).toEqual(first.manifest);
  expect(readdirSync(cacheFolder()).sort()).toEqual([
    "manifest.json",
    "test.tokens",
    "train.tokens",
    "validation.tokens",
  ]);

  const corpus = createCorpus(createTextSource({ path: "corpus", unit: "line" }, { directory: files.path() }), {
    split: { validation: 0.2 },
  });
  const inMemory = await tokenizeCorpus(corpus, byteEncoderWithEnd);
  const onDisk = await tokenizeCorpus(corpus, byteEncoderWithEnd, {
    cache: { directory: files.path("cache/tokens"), tokenizerHash: "t1" },
  });
  expect([inMemory.origin, onDisk.origin]).toEqual(["memory", "cache"]);
  expect(onDisk.manifest.splits).toEqual(inMemory.manifest.splits);
  for (const split of ["train", "validation"] as const) {
    const batches = [inMemory, onDisk].map((tokens) =>
      createBatchSource(tokens.splits[split], { sequenceLength: 16, seed: 1 }).batch(0, 0, 1000),
    );
    expect(batches[1]).toEqual(batches[0]);
    expect(batches[0]!.byteCount).toBeGreaterThan(200);
  }
  onDisk.close();
});

test("the manifest names every input with its checksum, the settings, the tokenizer and the counts", async () => {
  files.write("corpus/b.txt", "line 0\nanother\n\n");
  const { manifest } = await tokenize();
  expect(manifest).toEqual({
    schema_version: 1,
    key: expect.stringMatching(/^[0-9a-f]{64}$/),
    inputs: [
      { path: "corpus/a.txt", bytes: 1690, sha256: "b3bf2caedba20fa93a97b33c2e55b983afb634cdd0c72424ed6237de1fec4a58" },
      { path: "corpus/b.txt", bytes: 16, sha256: "afbdbbb5cc451d8c3b9fcc73bd26c7bad7dbfb24671ff485011a2e84cc6879c6" },
    ],
    settings: {
      source: { dataset: "text", format: "auto", unit: "line", column: "text" },
      normalization: { unicode: "none", newlines: "preserve" },
      redactSecrets: false,
      deduplicate: true,
      split: { kind: "hash", validation: 0.2, test: 0, seed: 0 },
    },
    tokenizer: { hash: "t1", vocab_size: 257, end_of_text_id: 256 },
    statistics: {
      redactedSecrets: 0,
      emptyDocuments: 1,
      duplicateDocuments: 1,
      splits: {
        train: { documents: 167, bytes: 1252 },
        validation: { documents: 34, bytes: 245 },
        test: { documents: 0, bytes: 0 },
      },
    },
    splits: {
      train: { tokens: 1419, documents: 167 },
      validation: { tokens: 279, documents: 34 },
      test: { tokens: 0, documents: 0 },
    },
  });
});

test("anything that decides the tokens makes another key", async () => {
  const keys = [
    await tokenize(),
    await tokenize({ tokenizerHash: "t2" }),
    await tokenize({ encoder: byteEncoder }),
    await tokenize({ corpus: { split: { validation: 0.3 } } }),
    await tokenize({ corpus: { split: { validation: 0.2, seed: 1 } } }),
    await tokenize({ corpus: { split: { validation: 0.2 }, deduplicate: false } }),
    await tokenize({ corpus: { split: { validation: 0.2 }, normalization: { unicode: "NFC" } } }),
    await tokenize({ source: { unit: "paragraph" }, corpus: { split: { kind: "contiguous" } } }),
  ].map(({ manifest }) => manifest.key);
  files.write("corpus/a.txt", text.replace("line 7", "line 8"));
  keys.push((await tokenize()).manifest.key);
  expect(new Set(keys).size).toBe(9);
});

test.each([
  [
    "a flipped bit in a shard",
    (folder: string) => {
      const path = join(folder, "train.tokens");
      const bytes = readFileSync(path);
      bytes[100]! ^= 1;
      writeFileSync(path, bytes);
    },
  ],
  ["a shard that is missing", (folder: string) => rmSync(join(folder, "validation.tokens"))],
  [
    "the shard of another split",
    (folder: string) => writeFileSync(join(folder, "train.tokens"), readFileSync(join(folder, "validation.tokens"))),
  ],
  ["a manifest that is cut off", (folder: string) => writeFileSync(join(folder, "manifest.json"), "{")],
  [
    "a manifest of another key",
    (folder: string) => {
      const path = join(folder, "manifest.json");
      writeFileSync(path, readFileSync(path, "utf8").replace('"key": "', '"key": "x'));
    },
  ],
])("%s: made again", async (_, damage) => {
  const { manifest } = await tokenize();
  damage(cacheFolder());
  const again = await tokenize();
  expect([again.origin, again.calls]).toEqual(["rebuilt", 200]);
  expect(again.manifest).toEqual(manifest);
  expect((await tokenize()).origin).toBe("cache");
  expect(readdirSync(files.path("cache/tokens")).length).toBe(1);
});

test("a full disk leaves nothing behind", async () => {
  let writes = 0;
  const full = interceptFs(nodeFs, ({ operation }) =>
    operation === "write" && ++writes === 3 ? { error: "ENOSPC" } : undefined,
  );
  await expect(tokenize({ fs: full })).rejects.toMatchObject({ code: "STORAGE_DISK_FULL" });
  expect(readdirSync(files.path("cache/tokens"))).toEqual([]);
});

test("a tokenizer that throws, and a stop in between, leave nothing behind", async () => {
  const failing: TokenEncoder = {
    ...byteEncoder,
    encode: () => {
      throw new Error("no");
    },
  };
  await expect(tokenize({ encoder: failing })).rejects.toThrow("no");
  const corpus = createCorpus(sourceOf(["a", "b"]), { split: { validation: 0 } });
  const cache = { directory: files.path("cache/tokens"), tokenizerHash: "t" };
  const stopped = AbortSignal.abort();
  await expect(tokenizeCorpus(corpus, byteEncoder, { cache, signal: stopped })).rejects.toMatchObject({
    name: "AbortError",
  });
  expect(readdirSync(files.path("cache/tokens"))).toEqual([]);
});

test("two runs at once end with one folder", async () => {
  const runs = await Promise.all([tokenize(), tokenize()]);
  expect(runs[0].manifest).toEqual(runs[1].manifest);
  expect(readdirSync(files.path("cache/tokens")).length).toBe(1);
});

test("what a killed run left is removed a day later, and not before", async () => {
  const [old, young] = ["1", "2"].map((digit) =>
    files.path(`cache/tokens/tokens-ab.tmp-0000000${digit}-0000-4000-8000-000000000000`),
  );
  for (const leftover of [old!, young!]) {
    mkdirSync(leftover, { recursive: true });
    writeFileSync(join(leftover, "train.tokens"), "half");
  }
  const twoDaysAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
  utimesSync(old!, twoDaysAgo, twoDaysAgo);
  await tokenize();
  const left = readdirSync(files.path("cache/tokens"));
  expect(left.filter((name) => name.includes(".tmp-"))).toEqual([young!.split("/").at(-1)]);
});

test("progress is told about once in a million tokens", async () => {
  const source = sourceOf(Array.from({ length: 30 }, (_, i) => `${i}`.padEnd(100_000, "x")));
  const progress: object[] = [];
  await tokenizeCorpus(createCorpus(source, { split: { validation: 0 } }), byteEncoder, {
    onProgress: (report) => progress.push(report),
  });
  expect(progress).toEqual([
    { documents: 10, tokens: 1_000_000 },
    { documents: 20, tokens: 2_000_000 },
    { documents: 30, tokens: 3_000_000 },
  ]);
});

test("checking the cache can be stopped", async () => {
  await tokenize();
  const corpus = createCorpus(createTextSource({ path: "corpus", unit: "line" }, { directory: files.path() }), {
    split: { validation: 0.2 },
  });
  const abort = new AbortController();
  const inputs = await corpus.inputs();
  const reason = new Error("stopped");
  const stopping: typeof corpus = {
    settings: corpus.settings,
    read: () => corpus.read(),
    texts: (split) => corpus.texts(split),
    async inputs() {
      abort.abort(reason);
      return inputs;
    },
  };
  const cache = { directory: files.path("cache/tokens"), tokenizerHash: "t1" };
  await expect(tokenizeCorpus(stopping, byteEncoderWithEnd, { cache, signal: abort.signal })).rejects.toBe(reason);
  expect((await tokenize()).origin).toBe("cache");
});

test.each([
  ["a text that is written to", "corpus/b.txt", "corpus/b.txt"],
  ["a text that is added", "corpus/c.txt", "there are other files than before"],
])("%s while the corpus is tokenized: refused, and nothing is kept", async (_, written, named) => {
  const encoder: TokenEncoder = {
    ...byteEncoder,
    encode(piece) {
      if (piece === "line 100") files.write(written, "more");
      return byteEncoder.encode(piece);
    },
  };
  files.write("corpus/b.txt", "less");
  await expect(tokenize({ encoder })).rejects.toMatchObject({
    code: "DATA_CHANGED",
    message: `the text changed while it was tokenized: ${named}`,
  });
  expect(readdirSync(files.path("cache/tokens"))).toEqual([]);
  expect((await tokenize()).origin).toBe("built");
});
