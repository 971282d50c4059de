import type { Document } from "./document.ts";
import type { TokenEncoder } from "./encoder.ts";
import { DataError } from "./errors.ts";
import type { TokenSink } from "./token-sequence.ts";

/** Encodes the documents of one split into a sink, each closed by the end-of-text token where there is one. */
export class DocumentEncoding {
  readonly #encoder: TokenEncoder;
  readonly #sink: TokenSink;
  #inDocument = false;
  /** So far. */
  tokens = 0;
  documents = 0;

  constructor(encoder: TokenEncoder, sink: TokenSink) {
    this.#encoder = encoder;
    this.#sink = sink;
  }

  /** @returns the tokens of the text. @throws {DataError} `DATA_TOKEN_INVALID` */
  async add(document: Document): Promise<number> {
    if (document.continues !== true) await this.finish();
    const ids = this.#encoder.encode(document.text, { addSpecialTokens: false });
    checkIds(ids, this.#encoder.vocabSize, document.origin);
    await this.#append(ids);
    return ids.length;
  }

  /** Closes the last document. */
  async finish(): Promise<void> {
    const { endOfTextId } = this.#encoder;
    if (this.#inDocument && endOfTextId !== undefined) await this.#append([endOfTextId]);
    this.#inDocument = false;
  }

  async #append(ids: ArrayLike<number>): Promise<void> {
    if (ids.length === 0) return;
    await this.#sink.append(ids, !this.#inDocument);
    if (!this.#inDocument) this.documents++;
    this.#inDocument = true;
    this.tokens += ids.length;
  }
}

function checkIds(ids: ArrayLike<number>, vocabSize: number, origin: string): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id >>> 0 === id && id < vocabSize) continue;
    throw new DataError(
      "DATA_TOKEN_INVALID",
      `${origin}: the tokenizer gave the id ${id}, expected an integer from 0 to ${vocabSize - 1}`,
    );
  }
}

/** `tokenByteLength` of the encoder as a table that is filled as tokens are met; the end of a document has no bytes. */
export function byteLengthTable(encoder: TokenEncoder): ((id: number) => number) | undefined {
  if (encoder.tokenByteLength === undefined) return undefined;
  const table = new Int32Array(encoder.vocabSize).fill(-1);
  if (encoder.endOfTextId !== undefined) table[encoder.endOfTextId] = 0;
  return (id) => {
    if (table[id] === -1) table[id] = encoder.tokenByteLength!(id);
    return table[id]!;
  };
}
