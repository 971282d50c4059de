import { AddedTokens } from "./added-tokens.ts";
import { encodeBatch, surround } from "./batch.ts";
import { TokenizerError, unknownId } from "./errors.ts";
import { FlatIdsBuilder, textIds } from "./flat-ids.ts";
import { invalid, type JsonObject } from "./json-reader.ts";
import { readSpecialTokens, specialTokensMap } from "./special-tokens.ts";
import { type TextInput, textString } from "./text-input.ts";
import type {
  DecodeOptions,
  EncodeBatchOptions,
  EncodedBatch,
  EncodeFlatOptions,
  EncodeOptions,
  FlatIds,
  SpecialTokens,
  StreamDecoder,
  Tokenizer,
} from "./tokenizer.ts";
import type { AddedToken, Template, TokenizerJson } from "./tokenizer-json.ts";

/** The files of a tokenizer, parsed. */
export interface TokenizerFiles {
  readonly json: TokenizerJson;
  /** `tokenizer_config.json`: roles of special tokens, and what other programs keep there, which is kept. */
  readonly config: JsonObject;
  /** `special_tokens_map.json`, which older files give the roles in. */
  readonly specialTokensMap?: JsonObject;
  /** `tokenizer_manifest.json`: where a trained tokenizer comes from. */
  readonly manifest?: JsonObject;
}

/** What all tokenizers share: special tokens in and around a text, batches, and the files they are saved in. */
export abstract class BaseTokenizer implements Tokenizer {
  abstract readonly kind: string;
  readonly vocabSize: number;
  readonly specialTokens: SpecialTokens;
  readonly endOfTextId?: number;
  protected readonly files: TokenizerFiles;
  protected readonly addedTokens: AddedTokens;
  readonly #template: Template;
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #tokens: readonly string[];

  /** @param parts.vocab - all tokens by name, the added ones too */
  constructor(
    files: TokenizerFiles,
    parts: { vocab: ReadonlyMap<string, number>; addedTokens: readonly AddedToken[]; template: Template },
  ) {
    this.files = files;
    this.#vocab = parts.vocab;
    this.#template = parts.template;
    this.addedTokens = new AddedTokens(parts.addedTokens);
    const tokens: string[] = [];
    for (const [token, id] of parts.vocab) tokens[id] = token;
    this.#tokens = tokens;
    this.vocabSize = tokens.length;
    for (const id of [...parts.template.prefix, ...parts.template.suffix]) {
      if (tokens[id] === undefined) invalid("tokenizer.json: post_processor", "ids of tokens", id);
    }
    this.specialTokens = readSpecialTokens(
      files.specialTokensMap === undefined ? [files.config] : [files.config, files.specialTokensMap],
      parts.addedTokens,
      (token) => this.tokenToId(token),
    );
    if (this.specialTokens.eos !== undefined) this.endOfTextId = this.specialTokens.eos.id;
  }

  /** Ids of a text without what the template adds. */
  protected abstract encodeContent(
    text: string,
    allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>,
  ): Uint32Array;
  /** The same of several texts, on as many threads as this kind of tokenizer can use. */
  protected encodeContents(
    texts: readonly string[],
    allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>,
    _threads: number,
  ): FlatIds {
    const flat = new FlatIdsBuilder(texts.length, 64 * texts.length);
    for (const text of texts) {
      flat.append(this.encodeContent(text, allowedSpecial));
      flat.endText();
    }
    return flat.build();
  }

  /** Ids of bytes, where they do not have to be text. */
  protected encodeBytes(bytes: Uint8Array, allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>): Uint32Array {
    return this.encodeContent(textString(bytes), allowedSpecial);
  }

  /** `encodeContents` of strings and bytes. */
  protected encodeInputs(
    texts: readonly TextInput[],
    allowedSpecial: NonNullable<EncodeOptions["allowedSpecial"]>,
    threads: number,
  ): FlatIds {
    return this.encodeContents(texts.map(textString), allowedSpecial, threads);
  }

  abstract decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  abstract streamDecoder(options?: DecodeOptions): StreamDecoder;

  encode(text: TextInput, { addSpecialTokens = true, allowedSpecial = "none" }: EncodeOptions = {}): Uint32Array {
    const isString = typeof text === "string";
    const content = isString ? this.encodeContent(text, allowedSpecial) : this.encodeBytes(text, allowedSpecial);
    return addSpecialTokens ? surround(content, this.#template) : content;
  }

  encodeBatch(texts: readonly TextInput[], options: EncodeBatchOptions = {}): EncodedBatch {
    const { addSpecialTokens = true, allowedSpecial = "none", threads = 1 } = options;
    checkThreads(threads);
    return encodeBatch(texts, options, {
      encodeContents: () => this.encodeInputs(texts, allowedSpecial, threads),
      template: addSpecialTokens ? this.#template : { prefix: [], suffix: [] },
      padId: this.specialTokens.pad?.id,
    });
  }

  encodeFlat(texts: readonly TextInput[], options: EncodeFlatOptions = {}): FlatIds {
    const { addSpecialTokens = true, allowedSpecial = "none", threads = 1 } = options;
    checkThreads(threads);
    const contents = this.encodeInputs(texts, allowedSpecial, threads);
    const { prefix, suffix } = this.#template;
    if (!addSpecialTokens || prefix.length + suffix.length === 0) return contents;
    const flat = new FlatIdsBuilder(texts.length, contents.ids.length + (prefix.length + suffix.length) * texts.length);
    for (let index = 0; index < texts.length; index++) {
      flat.append(surround(textIds(contents, index), this.#template));
      flat.endText();
    }
    return flat.build();
  }

  decodeBatch(rows: readonly ArrayLike<number>[], options?: DecodeOptions): string[] {
    return rows.map((ids) => this.decode(ids, options));
  }

  idToToken(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** @throws {TokenizerError} `TOKENIZER_UNKNOWN_ID` */
  protected requireToken(id: number): string {
    return this.#tokens[id] ?? unknownId(id, this.vocabSize);
  }

  tokenToId(token: string): number | undefined {
    return this.#vocab.get(token);
  }

  toJSON(): TokenizerJson {
    return this.files.json;
  }

  saveFiles(): Record<string, string> {
    const { json, config, manifest } = this.files;
    return {
      "tokenizer.json": serializeJson(json),
      "tokenizer_config.json": serializeJson(config),
      "special_tokens_map.json": serializeJson(specialTokensMap(this.specialTokens)),
      ...(manifest === undefined ? {} : { "tokenizer_manifest.json": serializeJson(manifest) }),
    };
  }
}

function checkThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1 && threads <= 1024) return;
  throw new TokenizerError("TOKENIZER_OPTIONS_INVALID", `threads: expected an integer from 1 to 1024, got ${threads}`);
}

/** The one spelling of a tokenizer's files; the hash in the manifest is of this text. */
export function serializeJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
