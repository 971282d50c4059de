/** The general pipeline of a `tokenizer.json`: normalizer, pre-tokenizer, model, post-processor, decoder, added tokens. */
import { BaseTokenizer, type TokenizerFiles } from "../base-tokenizer.ts";
import { tokenToBytes } from "../byte-alphabet.ts";
import { TokenizerError } from "../errors.ts";
import { IdBuffer } from "../id-buffer.ts";
import { isObject } from "../json-reader.ts";
import { detach } from "../string-memory.ts";
import { exactTextString, type TextInput } from "../text-input.ts";
import type { DecodeOptions, EncodeOptions, FlatIds, StreamDecoder } from "../tokenizer.ts";
import { readAddedTokens, readTemplate } from "../tokenizer-json.ts";
import { utf8Length } from "../utf8.ts";
import { AddedVocabulary } from "./added-vocabulary.ts";
import { AlignedText } from "./aligned-text.ts";
import { type Continuation, continuationOf } from "./continuation.ts";
import type { Decoder } from "./decoders/decoder.ts";
import { readDecoder } from "./decoders/read-decoder.ts";
import { type Encoding, emptyEncoding, joinEncodings } from "./encoding.ts";
import type { EncodeFullOptions, FullEncoding, OffsetUnit } from "./full-encoding.ts";
import type { Chance, Model, ModelToken } from "./models/model.ts";
import { type ModelFile, type ModelKind, readModel } from "./models/read-model.ts";
import { nativeUnigram } from "./native/native-unigram.ts";
import { NativeTexts } from "./native-texts.ts";
import { nativeWordPiece } from "./native-word-piece.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import { readNormalizer } from "./normalizers/read-normalizer.ts";
import { pad } from "./padding.ts";
import { Positions } from "./positions.ts";
import type { PostProcessor } from "./post-processors/post-processor.ts";
import { readPostProcessor } from "./post-processors/read-post-processor.ts";
import type { PreTokenizer } from "./pre-tokenizers/pre-tokenizer.ts";
import { readPreTokenizer } from "./pre-tokenizers/read-pre-tokenizer.ts";
import { randomStream } from "./random-stream.ts";
import { SegmentEncoder } from "./segment-encoder.ts";
import { windowStreamDecoder } from "./stream-decoder.ts";
import { checkTruncation, truncate } from "./truncation.ts";

type Allowed = NonNullable<EncodeOptions["allowedSpecial"]>;

/** A piece of the text for the model, or an added token. */
interface Piece {
  readonly text: AlignedText;
  readonly addedId?: number;
}

const MAX_N_BEST = 1024;
const CACHED_PIECES = 32_768;
const CACHED_LENGTH = 32; // UTF-16 units; longer pieces seldom come again

export class PipelineTokenizer extends BaseTokenizer {
  readonly kind: ModelKind;
  /** Of byte-level tokenizers; the bytes of other tokens depend on their neighbours. */
  readonly tokenByteLength?: (id: number) => number;
  readonly #model: ModelFile;
  readonly #added: AddedVocabulary;
  readonly #preTokenizer: PreTokenizer | undefined;
  readonly #postProcessor: PostProcessor | undefined;
  readonly #decoder: Decoder | undefined;
  readonly #specialContents: ReadonlySet<string>;
  readonly #needsPositions: boolean;
  readonly #models = new Map<string, CachedModel>();
  readonly #normalizer: Normalizer | undefined;
  /** Undefined for texts that have to be encoded whole. */
  readonly #continuation: Continuation | undefined;
  readonly #segmentEncoders = new Map<string, SegmentEncoder>();
  readonly #natives = new Map<string, NativeTexts | undefined>();

  /** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
  constructor(files: TokenizerFiles) {
    const { json } = files;
    const model = readModel(json.model);
    const addedTokens = readAddedTokens(json, model.vocab, []);
    const normalizer = readNormalizer(json.normalizer);
    const all = new Map(model.vocab);
    for (const token of addedTokens) all.set(token.content, token.id);
    super(files, { vocab: all, addedTokens, template: readTemplate(json.post_processor) });
    this.kind = model.kind;
    this.#model = model;
    this.#normalizer = normalizer;
    this.#added = new AddedVocabulary(json, addedTokens, normalizer);
    this.#preTokenizer = readPreTokenizer(json.pre_tokenizer);
    this.#postProcessor = readPostProcessor(json.post_processor);
    this.#decoder = readDecoder(json.decoder);
    this.#specialContents = new Set(addedTokens.filter((token) => token.special).map((token) => token.content));
    this.#needsPositions = prependsToFirst(json.pre_tokenizer);
    const { isDeterministic } = this.#modelFor("none"); // reads merges and scores, so that a wrong file is refused now
    this.#continuation = isDeterministic && this.#added.isLocal ? continuationOf(json) : undefined;
    if (isObject(json.decoder) && json.decoder.type === "ByteLevel") {
      this.tokenByteLength = (id) => this.#byteLength(id);
    }
  }

  protected encodeContent(text: string, allowed: Allowed): Uint32Array {
    return this.#nativeFor(allowed)?.encode(text) ?? this.#encodeHere(text, allowed);
  }

  protected override encodeContents(texts: readonly string[], allowed: Allowed, threads: number): FlatIds {
    return this.#nativeFor(allowed)?.encodeBatch(texts, threads) ?? super.encodeContents(texts, allowed, threads);
  }

  #encodeHere(text: string, allowed: Allowed): Uint32Array {
    const ids = new IdBuffer(text.length >> 1);
    const segments = this.#segmentEncoder(allowed);
    if (segments !== undefined) {
      for (const part of this.#added.splitWritten(AlignedText.of(text, false), this.#isAllowed(allowed))) {
        if (part.addedId !== undefined) ids.push(part.addedId);
        else segments.encode(part.text.text, this.#needsPositions ? part.text.originalStart : 0, ids);
      }
      return ids.toArray();
    }
    const model = this.#modelFor(allowed);
    const chance = { random: randomStream(0) };
    for (const piece of this.#pieces(text, allowed, this.#needsPositions)) {
      if (piece.addedId !== undefined) ids.push(piece.addedId);
      else for (const { id } of model.tokenize(piece.text.text, chance)) ids.push(id);
    }
    return ids.toArray();
  }

  /**
   * Everything that is known of each token: where it came from, which word it is part of, what was cut off.
   * @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID`, `TOKENIZER_TEXT_TOO_LONG`, `TOKENIZER_PAD_TOKEN_MISSING`,
   * `TOKENIZER_UNKNOWN_CHARACTER`, `TOKENIZER_SPECIAL_TOKEN_UNKNOWN`
   */
  encodeFull(text: TextInput, options: EncodeFullOptions = {}): FullEncoding {
    return this.#encodeRows([[exactTextString(text), options.pair]], options)[0]!;
  }

  /** `encodeFull` of several texts, or of pairs of texts; `padding` to the longest is to the longest of all. */
  encodeFullBatch(
    texts: readonly (string | readonly [text: string, pair: string])[],
    options: Omit<EncodeFullOptions, "pair"> = {},
  ): FullEncoding[] {
    return this.#encodeRows(
      texts.map((one) => (typeof one === "string" ? [one, undefined] : [one[0], one[1]])),
      options,
    );
  }

  decode(ids: ArrayLike<number>, { skipSpecialTokens = true }: DecodeOptions = {}): string {
    const tokens: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const token = this.#added.normalForm(ids[i]!) ?? this.requireToken(ids[i]!);
      if (!skipSpecialTokens || !this.#specialContents.has(token)) tokens.push(token);
    }
    return this.#decoder === undefined ? tokens.join(" ") : this.#decoder(tokens).join("");
  }

  streamDecoder(options?: DecodeOptions): StreamDecoder {
    return windowStreamDecoder((ids) => this.decode(ids, options));
  }

  #encodeRows(rows: readonly (readonly [string, string | undefined])[], options: EncodeFullOptions): FullEncoding[] {
    const { addSpecialTokens = true, truncation, padding, offsets = "utf16" } = options;
    if (!["utf16", "codePoints", "bytes"].includes(offsets)) {
      refuse("offsets", '"utf16", "codePoints" or "bytes"', offsets);
    }
    if (truncation !== undefined) checkTruncation(truncation);
    const chance = this.#chance(options);
    const texts = rows.map((row) => row.filter((text) => text !== undefined).map((text) => new SequenceText(text)));
    let encodings = texts.map((row) => {
      let parts = row.map((text, index) => this.#encodeSequence(text, index, options, chance));
      if (truncation !== undefined) {
        const added = addSpecialTokens ? (this.#postProcessor?.addedTokens(row.length === 2) ?? 0) : 0;
        parts = truncate(parts, truncation, added);
      }
      return joinEncodings(this.#postProcessor?.process(parts, addSpecialTokens) ?? parts);
    });
    if (padding !== undefined) {
      const id = padding.id ?? this.specialTokens.pad?.id;
      encodings = pad(encodings, padding, id === undefined ? undefined : { id, token: this.idToToken(id) ?? "" });
    }
    return encodings.map((encoding, index) => publish(encoding, texts[index]!, offsets));
  }

  #encodeSequence(text: SequenceText, sequence: number, options: EncodeFullOptions, chance: Chance): Encoding {
    const { allowedSpecial = "none" } = options;
    const model = this.#modelFor(allowedSpecial);
    const encoding = emptyEncoding();
    this.#pieces(text.text, allowedSpecial, true).forEach((piece, wordId) => {
      const content = piece.text.text;
      const tokens: readonly ModelToken[] =
        piece.addedId === undefined
          ? model.tokenize(content, chance)
          : [{ id: piece.addedId, token: content, start: 0, end: utf8Length(content) }];
      const isWhole = tokens.length === 1 && tokens[0]!.end === utf8Length(content);
      const units = isWhole ? undefined : unitsOfBytes(content);
      for (const { id, token, start, end } of tokens) {
        encoding.ids.push(id);
        encoding.typeIds.push(sequence);
        encoding.tokens.push(token);
        encoding.offsets.push(text.range(piece.text, start, end, units));
        encoding.wordIds.push(wordId);
        encoding.sequenceIds.push(sequence);
        encoding.specialTokensMask.push(0);
        encoding.attentionMask.push(1);
      }
    });
    return encoding;
  }

  #chance({ seed = 0, sampling }: EncodeFullOptions): Chance {
    if (!Number.isSafeInteger(seed)) refuse("seed", "a whole number", seed);
    if (sampling === undefined) return { random: randomStream(seed) };
    const { alpha, nBest } = sampling;
    if (this.kind !== "unigram") refuse("sampling", "a Unigram model", this.kind);
    if (!Number.isFinite(alpha) || alpha < 0) refuse("sampling.alpha", "a number from 0", alpha);
    if (nBest !== undefined && (!Number.isSafeInteger(nBest) || nBest < 1 || nBest > MAX_N_BEST)) {
      refuse("sampling.nBest", `a whole number from 1 to ${MAX_N_BEST}`, nBest);
    }
    return { random: randomStream(seed), sampling };
  }

  #pieces(text: string, allowed: Allowed, aligned: boolean): Piece[] {
    const parts = this.#added.split(AlignedText.of(text, aligned), this.#isAllowed(allowed));
    return parts.flatMap((part) => cut(part, this.#preTokenizer));
  }

  #isAllowed(allowed: Allowed): (id: number) => boolean {
    const allowedIds = new Set(this.addedTokens.allowedSpecial(allowed).map((token) => token.id));
    return (id) => allowedIds.has(id);
  }

  #segmentEncoder(allowed: Allowed): SegmentEncoder | undefined {
    if (this.#continuation === undefined) return undefined;
    const key = typeof allowed === "string" ? allowed : [...allowed].sort().join(" ");
    let encoder = this.#segmentEncoders.get(key);
    if (encoder === undefined) {
      if (this.#segmentEncoders.size >= 4) this.#segmentEncoders.clear();
      encoder = this.#createSegmentEncoder(this.#continuation, allowed);
      this.#segmentEncoders.set(key, encoder);
    }
    return encoder;
  }

  #createSegmentEncoder(continuation: Continuation, allowed: Allowed): SegmentEncoder {
    const isAllowed = this.#isAllowed(allowed);
    const model = this.#modelFor(allowed);
    const stages = (normalizer: Normalizer | undefined, preTokenizer: PreTokenizer | undefined) => {
      return (text: AlignedText, out: IdBuffer): void => {
        for (const part of this.#added.splitNormalized(text, isAllowed, normalizer)) {
          for (const piece of cut(part, preTokenizer)) {
            if (piece.addedId !== undefined) out.push(piece.addedId);
            else for (const { id } of model.tokenize(piece.text.text)) out.push(id);
          }
        }
      };
    };
    const encodeFirst = stages(this.#normalizer, this.#preTokenizer);
    const encodeFollowing = stages(
      readNormalizer(continuation.normalizer),
      readPreTokenizer(continuation.preTokenizer),
    );
    const cuts = this.#added.hasNormalized ? { isolatesSigns: false, isolatesIdeographs: false } : continuation;
    return new SegmentEncoder(cuts, (segment, originalStart, out) => {
      if (originalStart === undefined) encodeFollowing(AlignedText.of(segment, false), out);
      else encodeFirst(AlignedText.of(segment, this.#needsPositions, originalStart), out);
    });
  }

  /** The model that makes no special token but those allowed: text must not become one behind the back of `allowedSpecial`. */
  #modelFor(allowed: Allowed): CachedModel {
    const blocked = this.#blockedIds(this.#isAllowed(allowed));
    const key = [...blocked].join(" ");
    let model = this.#models.get(key);
    if (model === undefined) {
      if (this.#models.size >= 4) this.#models.clear();
      model = new CachedModel(this.#model.create(blocked));
      this.#models.set(key, model);
    }
    return model;
  }

  /** Special tokens of the model that no text may make. */
  #blockedIds(isAllowed: (id: number) => boolean): ReadonlySet<number> {
    const blocked = this.addedTokens.all.filter(
      ({ id, content, special }) =>
        special && !isAllowed(id) && id !== this.#model.unkId && this.#model.vocab.has(content),
    );
    return new Set(blocked.map((token) => token.id));
  }

  /** What does the whole pipeline at once, where there is such a thing. Made on first use. */
  #nativeFor(allowed: Allowed): NativeTexts | undefined {
    const key = typeof allowed === "string" ? allowed : `only ${JSON.stringify([...allowed])}`;
    if (!this.#natives.has(key)) {
      const made = this.#makeNative(allowed);
      if (this.#natives.size >= 4) this.#natives.clear();
      this.#natives.set(key, made);
    }
    return this.#natives.get(key);
  }

  #makeNative(allowed: Allowed): NativeTexts | undefined {
    if (this.kind !== "unigram" && this.kind !== "wordpiece") return undefined;
    const isAllowed = this.#isAllowed(allowed);
    const split = this.#added.writtenSplitter(isAllowed);
    if (split === undefined) return undefined;
    const { json } = this.files;
    const blocked = this.#blockedIds(isAllowed);
    const encoder =
      this.kind === "unigram" ? nativeUnigram(json, blocked) : nativeWordPiece(json, this.#model.vocab, blocked);
    return encoder && new NativeTexts(encoder, split, (text) => this.#encodeHere(text, allowed));
  }

  #byteLength(id: number): number {
    const token = this.requireToken(id);
    if (this.addedTokens.isSpecial(id)) return 0;
    return tokenToBytes(this.#added.normalForm(id) ?? token)?.length ?? utf8Length(token);
  }
}

function cut(part: Piece, preTokenizer: PreTokenizer | undefined): Piece[] {
  if (part.addedId !== undefined) return [part];
  const pieces = preTokenizer === undefined ? [part.text] : preTokenizer(part.text);
  return pieces.filter((piece) => piece.text !== "").map((piece) => ({ text: piece }));
}

/** A text, and how positions in it are told. */
class SequenceText {
  readonly text: string;
  readonly positions: Positions;

  constructor(text: string) {
    this.text = text;
    this.positions = new Positions(text);
  }

  /** Code points of the original that bytes of a piece came from. @param units - see unitsOfBytes; undefined: all of it */
  range(piece: AlignedText, start: number, end: number, units: Uint32Array | undefined): readonly [number, number] {
    const startUnit = units === undefined ? 0 : (units[start] ?? piece.text.length);
    const lastUnit = units?.[end - 1] ?? piece.text.length - 1;
    const [from, to] = piece.originalRange(startUnit, lastUnit + 1) ?? [piece.originalStart, piece.originalStart];
    return [this.positions.toCodePoint(from), this.positions.toCodePoint(to)];
  }
}

/** A model that remembers short pieces. */
class CachedModel {
  readonly #model: Model;
  readonly #cache = new Map<string, readonly ModelToken[]>();

  constructor(model: Model) {
    this.#model = model;
  }

  get isDeterministic(): boolean {
    return this.#model.isDeterministic;
  }

  tokenize(piece: string, chance?: Chance): readonly ModelToken[] {
    if (!this.#model.isDeterministic || chance?.sampling !== undefined || piece.length > CACHED_LENGTH)
      return this.#model.tokenize(piece, chance);
    let tokens = this.#cache.get(piece);
    if (tokens === undefined) {
      tokens = this.#model.tokenize(piece);
      if (this.#cache.size >= CACHED_PIECES) this.#cache.clear();
      this.#cache.set(detach(piece), tokens);
    }
    return tokens;
  }
}

/** Per byte of UTF-8 the last UTF-16 unit of its character. */
function unitsOfBytes(text: string): Uint32Array {
  const units = new Uint32Array(utf8Length(text));
  if (units.length === text.length) return units.map((_, index) => index);
  let at = 0;
  for (let i = 0; i < text.length; ) {
    const point = text.codePointAt(i)!;
    const bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    i += point > 0xffff ? 2 : 1;
    units.fill(i - 1, at, at + bytes);
    at += bytes;
  }
  return units;
}

function publish(encoding: Encoding, texts: readonly SequenceText[], unit: OffsetUnit): FullEncoding {
  return {
    ids: Uint32Array.from(encoding.ids),
    typeIds: Uint32Array.from(encoding.typeIds),
    tokens: encoding.tokens,
    offsets: encoding.offsets.map(([start, end], index) => {
      const sequence = encoding.sequenceIds[index];
      if (sequence === null || sequence === undefined) return [start, end] as const;
      const { positions } = texts[sequence]!;
      return [positions.fromCodePoint(start, unit), positions.fromCodePoint(end, unit)] as const;
    }),
    wordIds: encoding.wordIds,
    sequenceIds: encoding.sequenceIds,
    specialTokensMask: Uint8Array.from(encoding.specialTokensMask),
    attentionMask: Uint8Array.from(encoding.attentionMask),
    overflowing: encoding.overflowing.map((one) => publish(one, texts, unit)),
  };
}

function refuse(option: string, expected: string, value: unknown): never {
  throw new TokenizerError(
    "TOKENIZER_OPTIONS_INVALID",
    `${option}: expected ${expected}, got ${JSON.stringify(value)}`,
  );
}

/** Whether a `Metaspace` asks where in the original a text begins. */
function prependsToFirst(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(prependsToFirst);
  if (!isObject(value)) return false;
  if (value.type === "Metaspace") return value.prepend_scheme === "first";
  return prependsToFirst(value.pretokenizers);
}
