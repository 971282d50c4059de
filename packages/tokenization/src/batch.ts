import { TokenizerError } from "./errors.ts";
import { textIds } from "./flat-ids.ts";
import type { TextInput } from "./text-input.ts";
import type { EncodeBatchOptions, EncodedBatch, FlatIds } from "./tokenizer.ts";
import type { Template } from "./tokenizer-json.ts";

export interface BatchParts {
  /** Ids of the texts alone. */
  readonly encodeContents: () => FlatIds;
  /** What goes around each text. */
  readonly template: Template;
  readonly padId: number | undefined;
}

/** Encodes texts into rows: truncation first, so that the template survives it, padding last. */
export function encodeBatch(texts: readonly TextInput[], options: EncodeBatchOptions, parts: BatchParts): EncodedBatch {
  const { padding = "none", padTo, maxLength, truncation = false, padToMultipleOf = 1 } = options;
  checkOptions(options, parts);
  const added = parts.template.prefix.length + parts.template.suffix.length;
  const room = maxLength === undefined ? Number.POSITIVE_INFINITY : maxLength - added;

  const contents = parts.encodeContents();
  const rows = texts.map((_, index) => {
    let content = textIds(contents, index);
    if (content.length > room) {
      if (!truncation) {
        throw new TokenizerError(
          "TOKENIZER_TEXT_TOO_LONG",
          `texts[${index}]: expected at most ${maxLength} tokens (maxLength), got ${content.length + added}`,
          { help: "Set truncation: true to cut it, or a larger maxLength." },
        );
      }
      content = options.truncationSide === "left" ? content.subarray(content.length - room) : content.subarray(0, room);
    }
    const row = surround(content, parts.template);
    return row === content ? content.slice() : row; // a row of its own, not a view of all of them
  });

  if (padding === "none" && padTo === undefined)
    return { inputIds: rows, attentionMask: rows.map((row) => new Uint8Array(row.length).fill(1)) };
  const longest = padding === "maxLength" ? maxLength! : rows.reduce((most, row) => Math.max(most, row.length), 0);
  const width = Math.ceil((padTo ?? longest) / padToMultipleOf) * padToMultipleOf;
  const padId = options.padId ?? parts.padId!;
  const isLeft = options.paddingSide === "left";
  const inputIds = rows.map((row) => {
    const padded = new Uint32Array(Math.max(width, row.length)).fill(padId);
    padded.set(row, isLeft ? padded.length - row.length : 0);
    return padded;
  });
  const attentionMask = rows.map((row) => {
    const mask = new Uint8Array(Math.max(width, row.length));
    const start = isLeft ? mask.length - row.length : 0;
    return mask.fill(1, start, start + row.length);
  });
  return { inputIds, attentionMask };
}

/** The ids of a text with what the template puts around it. */
export function surround(content: Uint32Array, { prefix, suffix }: Template): Uint32Array {
  if (prefix.length + suffix.length === 0) return content;
  const ids = new Uint32Array(prefix.length + content.length + suffix.length);
  ids.set(prefix);
  ids.set(content, prefix.length);
  ids.set(suffix, prefix.length + content.length);
  return ids;
}

function checkOptions(options: EncodeBatchOptions, { template, padId }: BatchParts): void {
  const { padding = "none", padTo, maxLength, truncation = false, padToMultipleOf = 1 } = options;
  if (padTo !== undefined) {
    if (!Number.isInteger(padTo) || padTo < 1) refuse("padTo", "a positive integer", padTo);
    if (options.padding !== undefined) refuse("padding", "nothing beside padTo", options.padding);
  }
  if (!["none", "longest", "maxLength"].includes(padding))
    refuse("padding", '"none", "longest" or "maxLength"', padding);
  for (const side of ["paddingSide", "truncationSide"] as const) {
    if (!["left", "right", undefined].includes(options[side])) refuse(side, '"left" or "right"', options[side]);
  }
  if (!Number.isInteger(padToMultipleOf) || padToMultipleOf < 1)
    refuse("padToMultipleOf", "a positive integer", padToMultipleOf);
  if (maxLength === undefined) {
    if (truncation || padding === "maxLength")
      refuse("maxLength", "a positive integer, to truncate or pad to", maxLength);
  } else {
    const added = template.prefix.length + template.suffix.length;
    if (!Number.isInteger(maxLength) || maxLength < 1) refuse("maxLength", "a positive integer", maxLength);
    if (maxLength < added)
      refuse("maxLength", `at least ${added}, the special tokens that are added to each text`, maxLength);
  }
  if (padding === "none" && padTo === undefined) return;
  if (options.padId !== undefined && (!Number.isInteger(options.padId) || options.padId < 0)) {
    refuse("padId", "a token id", options.padId);
  }
  if (options.padId === undefined && padId === undefined) {
    throw new TokenizerError(
      "TOKENIZER_PAD_TOKEN_MISSING",
      `padding "${padTo ?? padding}": this tokenizer has no pad token`,
      {
        help: "Train or configure it with a pad token, or give padId (the id of the end-of-text token is a usual choice).",
      },
    );
  }
}

function refuse(option: string, expected: string, value: unknown): never {
  throw new TokenizerError(
    "TOKENIZER_OPTIONS_INVALID",
    `${option}: expected ${expected}, got ${JSON.stringify(value)}`,
  );
}
