import { join, resolve } from "node:path";
import { validateConfig } from "@codex/config";
import { createTextSource } from "@codex/data";
import { makeDirectory, writeFileDurably } from "@codex/storage";
import type { CorpusInput, TrainedTokenizer, TrainingSource } from "@codex/tokenization";
import type { TSchema } from "typebox";
import { PipelineError } from "./errors.ts";
import { openRegistries } from "./registries.ts";
import { withCountFiles } from "./tokenizer-counts.ts";
import { openTokenizer, type TokenizerReference } from "./tokenizer-tools/open-tokenizer.ts";

export interface TrainTokenizerRequest {
  /** Files, folders or globs. */
  readonly input?: readonly string[];
  /** Instead: files of `countTokenizerWords`, one for each part of the corpus. */
  readonly counts?: readonly string[];
  /** The folder to write. */
  readonly output: string;
  /** A registered tokenizer that can be trained. Default: `bpe`. */
  readonly kind?: string;
  readonly vocabSize?: number;
  /** Any further option of that tokenizer. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly directory?: string;
  readonly signal?: AbortSignal;
}

export interface TrainedTokenizerFiles {
  readonly directory: string;
  readonly vocabSize: number;
  /** Of the text that it was trained on. */
  readonly bytes: number;
  /** The files that were written. */
  readonly files: readonly string[];
}

/**
 * Trains a tokenizer on text files and writes it as a Hugging Face folder with a manifest of corpus and result.
 * @throws {PipelineError} `PIPELINE_CONFIG_INVALID` for one that needs no training
 */
export async function trainTokenizer(request: TrainTokenizerRequest): Promise<TrainedTokenizerFiles> {
  const { kind = "bpe", directory = process.cwd(), vocabSize, signal } = request;
  const { registries } = await openRegistries(directory);
  const entry = await registries.of("tokenizers").resolve(kind);
  const wanted = { ...request.options, ...(vocabSize === undefined ? {} : { vocabSize }) };
  const provider = entry.create(validateConfig(entry.configSchema as TSchema, wanted) as never);
  if (!provider.train) {
    throw new PipelineError(
      "PIPELINE_CONFIG_INVALID",
      `tokenizer "${kind}": expected one that is trained, this one is not`,
      {
        help: "Use it as it is: tokenizer.name in the configuration.",
      },
    );
  }
  const { input, counts } = request;
  if ((input === undefined) === (counts === undefined)) {
    throw new PipelineError("PIPELINE_CONFIG_INVALID", "tokenizer training: expected either input or counts");
  }
  const train = (texts: TrainingSource, inputs: readonly CorpusInput[]): Promise<TrainedTokenizer> =>
    provider.train!(texts, { inputs, ...(signal === undefined ? {} : { signal }) });
  const tokenizer =
    counts === undefined
      ? await trainOnTexts(input!, directory, train)
      : await withCountFiles(counts, directory, (words) => train(words, []));
  const output = resolve(directory, request.output);
  await makeDirectory(output);
  const files = tokenizer.saveFiles();
  for (const [name, contents] of Object.entries(files)) await writeFileDurably(join(output, name), contents);
  return {
    directory: request.output,
    vocabSize: tokenizer.vocabSize,
    bytes: tokenizer.manifest.corpus.bytes,
    files: Object.keys(files),
  };
}

async function trainOnTexts(
  input: readonly string[],
  directory: string,
  train: (texts: AsyncIterable<string>, inputs: readonly CorpusInput[]) => Promise<TrainedTokenizer>,
): Promise<TrainedTokenizer> {
  const source = createTextSource({ path: [...input] }, { directory });
  const texts = async function* (): AsyncGenerator<string> {
    for await (const document of source.documents()) yield document.text;
  };
  return train(texts(), await source.inputs());
}

export interface TokenizerInspection {
  readonly kind: string;
  readonly vocabSize: number;
  readonly specialTokens: readonly { readonly role: string; readonly token: string; readonly id: number }[];
  readonly encoding?: {
    readonly ids: readonly number[];
    readonly tokens: readonly string[];
    /** The text that each token adds; empty while the bytes of a character are incomplete. */
    readonly pieces: readonly string[];
  };
}

/** What is inside a tokenizer, and where it cuts a text. @param reference - a path, or a rank file with its pattern */
export async function inspectTokenizer(
  reference: string | TokenizerReference,
  text?: string,
): Promise<TokenizerInspection> {
  const tokenizer = await openTokenizer(typeof reference === "string" ? { path: reference } : reference);
  const { additional, ...roles } = tokenizer.specialTokens;
  const specialTokens = [
    ...Object.entries(roles).map(([role, { token, id }]) => ({ role, token, id })),
    ...additional.map(({ token, id }) => ({ role: "additional", token, id })),
  ];
  const inspection = { kind: tokenizer.kind, vocabSize: tokenizer.vocabSize, specialTokens };
  if (text === undefined) return inspection;
  const ids = [...tokenizer.encode(text)];
  const stream = tokenizer.streamDecoder({ skipSpecialTokens: false });
  const pieces = ids.map((id) => stream.push(id));
  const rest = stream.end();
  if (pieces.length > 0) pieces[pieces.length - 1] += rest;
  const tokens = ids.map((id) => tokenizer.decode([id], { skipSpecialTokens: false }));
  return { ...inspection, encoding: { ids, tokens, pieces } };
}
