import type { JsonObject } from "../../json-reader.ts";
import { readVocab, unsupported } from "../../tokenizer-json.ts";
import { readBpe } from "./bpe.ts";
import type { Model } from "./model.ts";
import { readUnigramVocab, Unigram } from "./unigram.ts";
import { readWordLevel } from "./word-level.ts";
import { readWordPiece } from "./word-piece.ts";

export type ModelKind = "bpe" | "wordpiece" | "unigram" | "wordlevel";

/** A model as it stands in a file: its vocabulary, and what makes it. */
export interface ModelFile {
  readonly kind: ModelKind;
  readonly vocab: ReadonlyMap<string, number>;
  /** What the model gives for text that it has no tokens for, though it may be a special token. */
  readonly unkId: number | undefined;
  /** @param blocked - ids that no text may make */
  create(blocked: ReadonlySet<number>): Model;
}

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
export function readModel(model: JsonObject): ModelFile {
  const type = model.type ?? impliedType(model);
  if (type === "Unigram") {
    const parts = readUnigramVocab(model);
    const vocab = new Map(parts.tokens.map((token, id) => [token, id]));
    return { kind: "unigram", vocab, unkId: parts.unkId, create: (blocked) => new Unigram(parts, blocked) };
  }
  if (type !== "BPE" && type !== "WordPiece" && type !== "WordLevel") {
    throw unsupported("model.type", "BPE, WordPiece, Unigram or WordLevel", type);
  }
  const vocab = readVocab(model);
  const defaultUnk = type === "WordPiece" ? "[UNK]" : type === "WordLevel" ? "<unk>" : undefined;
  const unk = model.unk_token ?? defaultUnk;
  const unkId = typeof unk === "string" ? vocab.get(unk) : undefined;
  switch (type) {
    case "BPE":
      return { kind: "bpe", vocab, unkId, create: (blocked) => readBpe(model, vocab, blocked) };
    case "WordPiece":
      return { kind: "wordpiece", vocab, unkId, create: (blocked) => readWordPiece(model, vocab, blocked) };
    case "WordLevel":
      return { kind: "wordlevel", vocab, unkId, create: (blocked) => readWordLevel(model, vocab, blocked) };
  }
}

/** Files of old versions do not say it. */
function impliedType(model: JsonObject): string | undefined {
  if (model.vocab === undefined) return undefined;
  if (Array.isArray(model.vocab)) return "Unigram";
  if (model.merges !== undefined) return "BPE";
  return model.continuing_subword_prefix === undefined ? "WordLevel" : "WordPiece";
}
