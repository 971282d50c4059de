/** A megabyte each without a place to cut. */
import { createHash } from "node:crypto";

const MEGABYTE = 1_000_000;

export const WORST = {
  "worst-letter": () => "a".repeat(MEGABYTE),
  "worst-caret": () => "^".repeat(MEGABYTE),
  "worst-spaces": () => " ".repeat(MEGABYTE),
  "worst-base64": () => {
    let state = createHash("sha256").update("base64").digest();
    const parts = [];
    for (let length = 0; length < MEGABYTE; length += 32) {
      parts.push(state);
      state = createHash("sha256").update(state).digest();
    }
    return Buffer.concat(parts).toString("base64").replace(/[+/=]/g, "x").slice(0, MEGABYTE);
  },
  "worst-cjk": () =>
    Array.from({ length: MEGABYTE / 3 }, (_, i) => String.fromCharCode(0x4e00 + ((i * i * 31) % 5000))).join(""),
};
