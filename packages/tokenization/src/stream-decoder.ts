import type { StreamDecoder } from "./tokenizer.ts";
import { completeUtf8Length, decodeUtf8 } from "./utf8.ts";

/** Decodes tokens that are bytes. @param bytesOf - bytes of a token; undefined for one that is to be left out */
export function byteStreamDecoder(bytesOf: (id: number) => Uint8Array | undefined): StreamDecoder {
  let held = new Uint8Array(0); // the start of a character
  return {
    push(id) {
      const added = bytesOf(id);
      if (added === undefined || added.length === 0) return "";
      const bytes = new Uint8Array(held.length + added.length);
      bytes.set(held);
      bytes.set(added, held.length);
      const complete = completeUtf8Length(bytes);
      held = bytes.slice(complete);
      return decodeUtf8(bytes.subarray(0, complete));
    },
    end() {
      const text = decodeUtf8(held);
      held = new Uint8Array(0);
      return text;
    },
  };
}
