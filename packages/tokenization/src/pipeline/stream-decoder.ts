import type { StreamDecoder } from "../tokenizer.ts";

/** Decodes a short window of ids again at each step, as `DecodeStream` of the Rust library does. */
export function windowStreamDecoder(decode: (ids: readonly number[]) => string): StreamDecoder {
  let ids: number[] = [];
  let read = 0; // ids whose text was given already
  let given = "";
  return {
    push(id) {
      ids.push(id);
      const text = decode(ids);
      if (text.length <= given.length || text.endsWith("\ufffd")) return "";
      const added = text.slice(given.length);
      ids = ids.slice(read);
      read = ids.length;
      given = decode(ids);
      return added;
    },
    end() {
      const rest = decode(ids).slice(given.length);
      ids = [];
      read = 0;
      given = "";
      return rest;
    },
  };
}
