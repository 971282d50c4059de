import { findSecrets, redactText } from "@codex/safety";
import Type from "typebox";
import { checkChoice } from "./check-choice.ts";
import { ContentHashSet } from "./content-hash-set.ts";
import type { Document, InputFile, InputOptions, TextSource } from "./document.ts";
import { DataError } from "./errors.ts";
import { NormalizationOptions, normalizeText } from "./normalization.ts";
import { checkSplit, contiguousEnds, cutAtByte, type SplitName, SplitOptions, splitOfText } from "./split.ts";

/** What happens to documents between the source and the tokenizer, in the order of the keys. */
export const CorpusOptions = Type.Object(
  {
    normalization: NormalizationOptions,
    redactSecrets: Type.Boolean({
      default: false,
      description: "Replace keys and tokens of known shapes by [REDACTED:<rule>].",
    }),
    deduplicate: Type.Boolean({
      default: true,
      description: "Keep the first of documents with exactly the same text.",
    }),
    split: SplitOptions,
  },
  { additionalProperties: false, default: {}, description: "What happens to documents between source and tokenizer." },
);
export type CorpusOptions = Type.Static<typeof CorpusOptions>;

export interface AssignedDocument extends Document {
  readonly split: SplitName;
}

/** Counts of one reading; complete when its iteration is. */
export interface CorpusStatistics {
  readonly redactedSecrets: number;
  readonly emptyDocuments: number;
  readonly duplicateDocuments: number;
  /** Documents (pieces, of a long file) and UTF-8 bytes of their texts. */
  readonly splits: Readonly<Record<SplitName, { readonly documents: number; readonly bytes: number }>>;
}

/** One pass over the documents of a corpus. */
export interface CorpusReading extends AsyncIterable<AssignedDocument> {
  readonly statistics: CorpusStatistics;
}

/** A source of text, made uniform, without duplicates, and split. */
export interface Corpus {
  /** The effective settings, plain JSON: part of the key of the token cache. */
  readonly settings: CorpusOptions & { readonly source: object };
  /** All splits in one pass, in the order of the source. Each call starts from the beginning. */
  read(): CorpusReading;
  /** The texts of one split: what a tokenizer is trained on. */
  texts(split: SplitName): AsyncIterable<string>;
  /** Those of the source. */
  inputs(options?: InputOptions): Promise<InputFile[]>;
}

/**
 * @throws {DataError} `DATA_OPTIONS_INVALID`. While it is read: `DATA_EMPTY` if there is no text at all,
 * `DATA_SPLIT_EMPTY` if a split that was asked for got none, `DATA_CHANGED`, and what the source throws.
 */
export function createCorpus(
  source: TextSource,
  options: {
    normalization?: Partial<NormalizationOptions>;
    redactSecrets?: boolean;
    deduplicate?: boolean;
    split?: Partial<SplitOptions>;
  } = {},
): Corpus {
  const settings = {
    source: source.settings,
    normalization: { unicode: "none", newlines: "preserve", ...options.normalization },
    redactSecrets: options.redactSecrets ?? false,
    deduplicate: options.deduplicate ?? true,
    split: { kind: "hash", validation: 0.1, test: 0, seed: 0, ...options.split },
  } as const;
  const { unicode, newlines } = NormalizationOptions.properties;
  checkChoice("normalization.unicode", unicode, settings.normalization.unicode);
  checkChoice("normalization.newlines", newlines, settings.normalization.newlines);
  checkSplit(settings.split);
  return new SplitCorpus(source, settings);
}

type Statistics = {
  redactedSecrets: number;
  emptyDocuments: number;
  duplicateDocuments: number;
  splits: Record<SplitName, { documents: number; bytes: number }>;
};

class SplitCorpus implements Corpus {
  readonly settings: Corpus["settings"];
  readonly #source: TextSource;
  #totalBytes: Promise<number> | undefined;

  constructor(source: TextSource, settings: Corpus["settings"]) {
    this.#source = source;
    this.settings = settings;
  }

  inputs(options?: InputOptions): Promise<InputFile[]> {
    return this.#source.inputs(options);
  }

  async *texts(split: SplitName): AsyncGenerator<string> {
    for await (const document of this.read()) if (document.split === split) yield document.text;
  }

  read(): CorpusReading {
    const statistics = emptyStatistics();
    const documents = this.#counted(statistics);
    return { statistics, [Symbol.asyncIterator]: () => documents };
  }

  async *#counted(statistics: Statistics): AsyncGenerator<AssignedDocument> {
    const { split } = this.settings;
    const assigned = split.kind === "hash" ? this.#kept(statistics) : this.#contiguous(statistics);
    for await (const document of assigned) {
      const counts = statistics.splits[document.split];
      counts.documents++;
      counts.bytes += Buffer.byteLength(document.text, "utf8");
      yield document;
    }
    this.#checkNotEmpty(statistics);
  }

  #checkNotEmpty({ splits, emptyDocuments }: Statistics): void {
    const { split } = this.settings;
    const total = splits.train.documents + splits.validation.documents + splits.test.documents;
    if (total === 0) {
      throw new DataError(
        "DATA_EMPTY",
        `the corpus is empty: expected text, got ${emptyDocuments === 0 ? "no document" : `${emptyDocuments} empty documents`}`,
      );
    }
    const wanted = { train: 1 - split.validation - split.test, validation: split.validation, test: split.test };
    for (const [name, share] of Object.entries(wanted) as [SplitName, number][]) {
      if (share === 0 || splits[name].documents > 0) continue;
      throw new DataError(
        "DATA_SPLIT_EMPTY",
        `the ${name} split is empty: expected about ${Number((100 * share).toPrecision(3))} % of ${total} documents`,
        {
          help:
            split.kind === "hash"
              ? "Few long documents? Cut them with `unit: paragraph` or `unit: line`, or use `split: { kind: contiguous }`."
              : "The text is too short for this share.",
        },
      );
    }
  }

  /** Made uniform, without duplicates; split by content, or all in `train` for `#contiguous` to cut. */
  async *#kept(statistics: Statistics): AsyncGenerator<AssignedDocument> {
    const { normalization, redactSecrets, deduplicate, split: options } = this.settings;
    const seen = new ContentHashSet();
    let split: SplitName = "train";
    let gap = false; // the text before this one was left out
    for await (const { text: raw, origin, continues = false } of this.#source.documents()) {
      let text = normalizeText(raw, normalization);
      const secrets = redactSecrets ? findSecrets(text).length : 0;
      if (secrets > 0) text = redactText(text);
      statistics.redactedSecrets += secrets;
      // The pieces of one long document stay together, or its beginning would be trained on and its end held out.
      if (options.kind === "hash" && !continues) split = splitOfText(text, options);
      if (text === "") {
        statistics.emptyDocuments++;
      } else if (deduplicate && !seen.add(text)) {
        statistics.duplicateDocuments++;
        gap = true;
      } else {
        yield { text, origin, continues: continues && !gap, split };
        gap = false;
      }
    }
  }

  /** Cuts the whole text at two byte positions, which takes a pass of its own to find: kept from the first reading on. */
  async *#contiguous(statistics: Statistics): AsyncGenerator<AssignedDocument> {
    this.#totalBytes ??= this.#measure();
    const totalBytes = await this.#totalBytes;
    const [trainEnd, validationEnd] = contiguousEnds(totalBytes, this.settings.split);
    const parts = [
      { split: "train", end: trainEnd },
      { split: "validation", end: validationEnd },
      { split: "test", end: Number.POSITIVE_INFINITY },
    ] as const;
    let part = 0;
    let position = 0; // in bytes of the whole text
    for await (const document of this.#kept(statistics)) {
      let { text, continues = false } = document;
      while (text !== "") {
        const { split, end } = parts[part]!;
        const bytes = Buffer.byteLength(text, "utf8");
        const [head, tail] = position + bytes <= end ? [text, ""] : cutAtByte(text, end - position);
        if (head !== "") yield { text: head, origin: document.origin, continues, split };
        position += bytes - Buffer.byteLength(tail, "utf8");
        if (tail !== "") {
          part++;
          continues = false;
        }
        text = tail;
      }
    }
    if (position !== totalBytes) {
      throw new DataError(
        "DATA_CHANGED",
        `the text changed while it was read: ${totalBytes} bytes at first, then ${position}`,
      );
    }
  }

  async #measure(): Promise<number> {
    let bytes = 0;
    for await (const { text } of this.#kept(emptyStatistics())) bytes += Buffer.byteLength(text, "utf8");
    return bytes;
  }
}

function emptyStatistics(): Statistics {
  const none = () => ({ documents: 0, bytes: 0 });
  return {
    redactedSecrets: 0,
    emptyDocuments: 0,
    duplicateDocuments: 0,
    splits: { train: none(), validation: none(), test: none() },
  };
}
