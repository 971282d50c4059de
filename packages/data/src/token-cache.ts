import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  commitDirectory,
  type DurableFs,
  exists,
  isTemporary,
  makeDirectory,
  nodeFs,
  removeTree,
  StorageError,
  temporaryPath,
  writeFileDurably,
} from "@codex/storage";
import { DataError } from "./errors.ts";
import type { SplitName } from "./split.ts";
import type { TokenSequence, TokenSink } from "./token-sequence.ts";
import { TokenShard, TokenShardWriter } from "./token-shard.ts";
import type { BySplit, DataManifest, EncodingCounts, TokenizedCorpus } from "./tokenize-corpus.ts";

interface CacheRequest {
  /** Holds one folder per key. Made if it is missing. */
  readonly directory: string;
  readonly fs?: DurableFs;
  readonly signal?: AbortSignal;
  readonly description: Omit<DataManifest, keyof EncodingCounts>;
  readonly vocabSize: number;
  readonly tokenByteLength: TokenSequence["tokenByteLength"];
  readonly encode: (sinks: BySplit<TokenSink>) => Promise<EncodingCounts>;
}

/** The tokens under this key, encoded if they are not there or damaged. */
export async function openOrBuildTokenCache(request: CacheRequest): Promise<TokenizedCorpus> {
  const { directory, fs = nodeFs, description } = request;
  await makeDirectory(directory, { fs });
  await sweepLeftovers(directory, fs);
  const folder = join(directory, `tokens-${description.key.slice(0, 24)}`);
  let origin: TokenizedCorpus["origin"] = "built";
  if (await exists(folder, fs)) {
    try {
      return { ...(await openFolder(folder, request, { verify: true })), origin: "cache" };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
    }
    origin = "rebuilt";
    const damaged = temporaryPath(folder);
    await fs.rename(folder, damaged);
    await removeTree(damaged, fs);
  }
  try {
    await build(folder, request, fs);
  } catch (error) {
    // Another process was faster: its tokens are these tokens.
    if (!(error instanceof StorageError && error.code === "STORAGE_EXISTS")) throw error;
  }
  return { ...(await openFolder(folder, request, { verify: false })), origin };
}

async function build(folder: string, { description, vocabSize, encode }: CacheRequest, fs: DurableFs): Promise<void> {
  await commitDirectory(
    folder,
    async (staging) => {
      const writers: TokenShardWriter[] = [];
      const create = async (split: SplitName) => {
        const writer = await TokenShardWriter.create(shardPath(staging, split), vocabSize, fs);
        writers.push(writer);
        return writer;
      };
      try {
        const sinks = {
          train: await create("train"),
          validation: await create("validation"),
          test: await create("test"),
        };
        const counts = await encode(sinks);
        for (const writer of writers) await writer.finish();
        const manifest: DataManifest = { ...description, ...counts };
        await writeFileDurably(join(staging, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`, { fs });
      } catch (error) {
        for (const writer of writers) await writer.abort();
        throw error;
      }
    },
    { fs },
  );
}

/** @throws {DataError} `DATA_SHARD_INVALID` if a part is missing, damaged, or does not belong to this key */
async function openFolder(
  folder: string,
  { description, tokenByteLength, signal }: CacheRequest,
  { verify }: { verify: boolean },
): Promise<Omit<TokenizedCorpus, "origin">> {
  const shards: TokenShard[] = [];
  const open = async (split: SplitName) => {
    const shard = new TokenShard(shardPath(folder, split), { tokenByteLength });
    shards.push(shard);
    if (verify) await shard.verify(signal);
    const { tokens, documents } = manifest.splits[split];
    if (shard.length !== tokens || shard.documentCount !== documents) throw mismatch(folder, `${split} shard`);
    return shard;
  };
  const close = () => {
    for (const shard of shards) shard.close();
  };
  const manifest = await readManifest(folder);
  if (manifest.key !== description.key) throw mismatch(folder, "key");
  try {
    const splits = { train: await open("train"), validation: await open("validation"), test: await open("test") };
    return { splits, manifest, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function readManifest(folder: string): Promise<DataManifest> {
  const path = join(folder, "manifest.json");
  try {
    return JSON.parse(await readFile(path, "utf8")) as DataManifest;
  } catch (cause) {
    throw new DataError("DATA_SHARD_INVALID", `${path}: not a manifest (${(cause as Error).message})`, { cause });
  }
}

function mismatch(folder: string, what: string): DataError {
  return new DataError("DATA_SHARD_INVALID", `${folder}: its manifest does not agree with its ${what}`);
}

const shardPath = (folder: string, split: SplitName) => join(folder, `${split}.tokens`);

const DAY_MS = 24 * 60 * 60 * 1000;

/** Removes what killed processes left behind. A day old, because a younger one may belong to a process that still writes. */
async function sweepLeftovers(directory: string, fs: DurableFs): Promise<void> {
  for (const name of await fs.readdir(directory)) {
    const path = join(directory, name);
    if (isTemporary(name) && Date.now() - (await stat(path)).mtimeMs > DAY_MS) await removeTree(path, fs);
  }
}
