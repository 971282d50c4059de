import { TokenizerError } from "../errors.ts";
import { type Encoding, emptyEncoding, sliceEncoding } from "./encoding.ts";
import type { TruncationOptions } from "./full-encoding.ts";

/** @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID` */
export function checkTruncation(options: TruncationOptions): void {
  const { maxLength, strategy = "longest_first", stride = 0, side = "right" } = options;
  if (!Number.isSafeInteger(maxLength) || maxLength < 0) refuse("maxLength", "a whole number", maxLength);
  if (!Number.isSafeInteger(stride) || stride < 0) refuse("stride", "a whole number", stride);
  if (!["longest_first", "only_first", "only_second"].includes(strategy)) {
    refuse("strategy", '"longest_first", "only_first" or "only_second"', strategy);
  }
  if (side !== "left" && side !== "right") refuse("side", '"left" or "right"', side);
}

/** @param added - tokens that the post-processor will add @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID`, `TOKENIZER_TEXT_TOO_LONG` */
export function truncate(encodings: readonly Encoding[], options: TruncationOptions, added: number): Encoding[] {
  const room = options.maxLength - added;
  if (room < 0) refuse("maxLength", `at least ${added}, the tokens that are added to each text`, options.maxLength);
  const [first, second] = encodings as [Encoding, Encoding?];
  const lengths = encodings.map((encoding) => encoding.ids.length);
  const excess = lengths.reduce((total, length) => total + length, 0) - room;
  if (room > 0 && excess <= 0) return [...encodings];
  if (room === 0) return encodings.map((encoding) => cut(encoding, 0, options));
  const strategy = options.strategy ?? "longest_first";
  if (strategy === "longest_first") {
    if (second === undefined) return [cut(first, room, options)];
    const [forFirst, forSecond] = share(first.ids.length, second.ids.length, room);
    return [cut(first, forFirst, options), cut(second, forSecond, options)];
  }
  const index = strategy === "only_first" ? 0 : 1;
  const target = encodings[index];
  if (target === undefined) refuse("strategy", "a pair, to cut the second of", strategy);
  if (target.ids.length <= excess) {
    throw new TokenizerError(
      "TOKENIZER_TEXT_TOO_LONG",
      `truncation: expected more than ${excess} tokens in the sequence that is to be cut, got ${target.ids.length}`,
      { help: 'Use the strategy "longest_first", or a larger maxLength.' },
    );
  }
  return encodings.map((one, at) => (at === index ? cut(one, target.ids.length - excess, options) : one));
}

/** The shorter sequence stays whole while the longer can make room; else both get half. */
function share(first: number, second: number, room: number): [number, number] {
  let shorter = Math.min(first, second);
  let longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = Math.floor(room / 2);
    longer = shorter + (room % 2);
  }
  return first > second ? [longer, shorter] : [shorter, longer];
}

function cut(encoding: Encoding, length: number, { stride = 0, side = "right" }: TruncationOptions): Encoding {
  const total = encoding.ids.length;
  if (length >= total) return encoding;
  if (length === 0) return { ...emptyEncoding(), overflowing: [encoding] };
  if (stride >= length) refuse("stride", `less than ${length}, the tokens of a sequence after truncation`, stride);
  const parts: Encoding[] = [];
  for (let done = 0; done < total; done += length - stride) {
    const reached = done + length >= total;
    if (side === "right") parts.push(sliceEncoding(encoding, done, Math.min(done + length, total)));
    else parts.push(sliceEncoding(encoding, Math.max(0, total - done - length), total - done));
    if (reached) break;
  }
  return { ...parts[0]!, overflowing: parts.slice(1) };
}

function refuse(option: string, expected: string, value: unknown): never {
  throw new TokenizerError(
    "TOKENIZER_OPTIONS_INVALID",
    `truncation.${option}: expected ${expected}, got ${JSON.stringify(value)}`,
  );
}
