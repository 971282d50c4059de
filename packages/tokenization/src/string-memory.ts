/** V8 keeps a substring of this length or more as a view that holds the whole string it was cut from. */
const VIEW_LENGTH = 13;

/** The same string with memory of its own, for one that outlives the text it was cut from. */
export function detach(text: string): string {
  return text.length < VIEW_LENGTH ? text : Buffer.from(text, "utf16le").toString("utf16le");
}
