import type { Corpus, CorpusStatistics } from "./corpus.ts";
import type { InputFile } from "./document.ts";
import type { TokenEncoder } from "./encoder.ts";
import type { SplitName } from "./split.ts";
import { byteLengthsOf, DocumentEncoding, MemoryTokens, type TokenSequence } from "./token-sequence.ts";

/** What a run writes into its manifest about its data. */
export interface DataManifest {
  readonly schema_version: 1;
  readonly inputs: readonly InputFile[];
  readonly settings: Corpus["settings"];
  readonly statistics: CorpusStatistics;
  readonly splits: Readonly<Record<SplitName, { readonly tokens: number; readonly documents: number }>>;
}

export interface TokenizedCorpus {
  readonly splits: Readonly<Record<SplitName, TokenSequence>>;
  readonly manifest: DataManifest;
}

/** Tokenizes a corpus into memory. @throws {DataError} `DATA_TOKEN_INVALID`, and what reading the corpus throws */
export async function tokenizeCorpus(corpus: Corpus, encoder: TokenEncoder): Promise<TokenizedCorpus> {
  const byteLengths = byteLengthsOf(encoder);
  const splits = {
    train: new MemoryTokens(byteLengths),
    validation: new MemoryTokens(byteLengths),
    test: new MemoryTokens(byteLengths),
  };
  const encodings = {
    train: new DocumentEncoding(encoder, splits.train),
    validation: new DocumentEncoding(encoder, splits.validation),
    test: new DocumentEncoding(encoder, splits.test),
  };
  const reading = corpus.read();
  for await (const document of reading) encodings[document.split].add(document);
  for (const encoding of Object.values(encodings)) encoding.finish();
  const counts = (tokens: TokenSequence) => ({ tokens: tokens.length, documents: tokens.documentCount });
  return {
    splits,
    manifest: {
      schema_version: 1,
      inputs: await corpus.inputs(),
      settings: corpus.settings,
      statistics: reading.statistics,
      splits: {
        train: counts(splits.train),
        validation: counts(splits.validation),
        test: counts(splits.test),
      },
    },
  };
}
