import type { Document, TextSource, TokenEncoder } from "@codex/data";

/** Documents that are in memory already. */
export function sourceOf(documents: readonly (string | Document)[]): TextSource {
  return {
    settings: { dataset: "test" },
    inputs: async () => [],
    async *documents() {
      for (const [index, document] of documents.entries()) {
        yield typeof document === "string" ? { text: document, origin: `test:${index + 1}` } : document;
      }
    },
  };
}

export async function collect<Item>(items: AsyncIterable<Item> | Iterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** Token = byte. */
export const byteEncoder: TokenEncoder = {
  encode: (text) => Buffer.from(text, "utf8"),
  vocabSize: 256,
  tokenByteLength: () => 1,
};

/** Token = byte, and 256 at the end of a document. */
export const byteEncoderWithEnd: TokenEncoder = { ...byteEncoder, vocabSize: 257, endOfTextId: 256 };
