import { asFlag, asString, invalid, type JsonObject } from "../../json-reader.ts";
import { findString } from "../regex/expression.ts";
import type { PreTokenizer } from "./pre-tokenizer.ts";
import { splitter } from "./split.ts";

/** `Metaspace`, as pre-tokenizer and as decoder. */
export interface MetaspaceOptions {
  /** Stands for a space: one character. */
  readonly replacement: string;
  /** Where one is put in front: of each text, of the first only, or of none. */
  readonly prependScheme: "always" | "first" | "never";
  readonly split: boolean;
}

export function readMetaspace(options: JsonObject, where: string): MetaspaceOptions {
  const replacement = asString(options.replacement, `${where}.replacement`);
  if ([...replacement].length !== 1) return invalid(`${where}.replacement`, "one character", replacement);
  const scheme = options.prepend_scheme ?? "always";
  if (scheme !== "always" && scheme !== "first" && scheme !== "never") {
    return invalid(`${where}.prepend_scheme`, "always, first or never", scheme);
  }
  const prefix = asFlag(options.add_prefix_space, `${where}.add_prefix_space`, true);
  if (!prefix && options.prepend_scheme !== undefined && scheme !== "never") {
    return invalid(`${where}.add_prefix_space`, "what prepend_scheme says", false);
  }
  return {
    replacement,
    prependScheme: prefix ? scheme : "never",
    split: asFlag(options.split, `${where}.split`, true),
  };
}

export function metaspace({ replacement, prependScheme, split }: MetaspaceOptions): PreTokenizer {
  const findSpaces = findString(" ");
  const cut = splitter(findString(replacement), "MergedWithNext");
  return (aligned) => {
    let text = aligned.replace(findSpaces(aligned.text), replacement);
    const wanted = prependScheme === "always" || (prependScheme === "first" && text.originalStart === 0);
    if (wanted && !text.text.startsWith(replacement)) text = text.prepend(replacement);
    return split ? cut(text) : [text];
  };
}
