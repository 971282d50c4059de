import { TokenizerError } from "./errors.ts";
import { parseHfTokenizer, wasSavedByAdapter } from "./hf-tokenizer.ts";
import { isObject, type JsonObject } from "./json-reader.ts";
import { tokenizerSha256 } from "./manifest.ts";
import { parseTokenizer } from "./parse-tokenizer.ts";
import { type SpecialTokenOptions, specialAddedTokens, specialTokenList } from "./special-tokens.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { TokenizerJson } from "./tokenizer-json.ts";

export interface WithSpecialTokens {
  /** What `addSpecialTokens` was given is special in it. The one that it was made of stays as it is. */
  readonly tokenizer: Tokenizer;
  /** The id of each token that was given. */
  readonly ids: Readonly<Record<string, number>>;
}

/**
 * Gives a tokenizer more special tokens. New ones get the ids after all others, in the order in which they are given; those that it has keep
 * theirs. They are saved with it (`saveFiles`), and a manifest says that they came later.
 *
 * @param tokens - names; by role they become the pad, unk, bos or eos token too
 * @throws {TokenizerError} `TOKENIZER_SPECIAL_TOKEN_CONFLICT` for the name of an ordinary token; `TOKENIZER_OPTIONS_INVALID`
 */
export async function addSpecialTokens(
  tokenizer: Tokenizer,
  tokens: readonly string[] | SpecialTokenOptions,
): Promise<WithSpecialTokens> {
  const roles: SpecialTokenOptions = Array.isArray(tokens)
    ? { additional: [...tokens] }
    : (tokens as SpecialTokenOptions);
  const known = knownSpecialTokens(tokenizer);
  let next = tokenizer.vocabSize;
  const ids = Object.fromEntries(specialTokenList(roles).map((token) => [token, known.get(token) ?? next++]));
  return { tokenizer: await withSpecialTokens(tokenizer, ids, roles), ids };
}

/**
 * The same with ids that were given before.
 * @throws {TokenizerError} `TOKENIZER_SPECIAL_TOKEN_CONFLICT` for a name or an id that another token has
 */
export async function withSpecialTokens(
  tokenizer: Tokenizer,
  ids: Readonly<Record<string, number>>,
  roles: SpecialTokenOptions = {},
): Promise<Tokenizer> {
  const known = knownSpecialTokens(tokenizer);
  const names = new Map<number, string>();
  for (const [token, id] of Object.entries(ids)) {
    const other = names.get(id) ?? tokenizer.idToToken(id);
    const taken = tokenizer.tokenToId(token);
    if ((other !== undefined && other !== token) || (taken !== undefined && (taken !== id || !known.has(token)))) {
      const holder =
        taken === undefined ? `${JSON.stringify(other)} has the id ${id}` : `it is a token with the id ${taken}`;
      throw new TokenizerError(
        "TOKENIZER_SPECIAL_TOKEN_CONFLICT",
        `special token ${JSON.stringify(token)}: expected a name and an id that no other token has, but ${holder}`,
        { help: "Choose another name, such as <|name|>, or another id." },
      );
    }
    names.set(id, token);
  }
  const added = Object.entries(ids)
    .filter(([token]) => !known.has(token))
    .map(([content, id]) => ({ content, id }))
    .sort((a, b) => a.id - b.id); // as Hugging Face tokenizers counts on it
  return rebuild(tokenizer, added, roles);
}

function knownSpecialTokens({ specialTokens: { additional, ...roles } }: Tokenizer): Map<string, number> {
  return new Map([...Object.values(roles), ...additional].map(({ token, id }) => [token, id]));
}

function rebuild(
  tokenizer: Tokenizer,
  added: readonly { readonly content: string; readonly id: number }[],
  { additional: _, ...roles }: SpecialTokenOptions,
): Promise<Tokenizer> | Tokenizer {
  const files = tokenizer.saveFiles();
  const read = (name: string): JsonObject => JSON.parse(files[name] ?? "{}");
  const before = tokenizer.toJSON();
  const list = Array.isArray(before["added_tokens"]) ? before["added_tokens"] : [];
  const json: TokenizerJson = { ...before, added_tokens: [...list, ...specialAddedTokens(added)] };
  const byRole = Object.entries(roles).map(([role, token]) => [`${role}_token`, token] as const);
  const config: JsonObject = { ...read("tokenizer_config.json"), ...Object.fromEntries(byRole) };
  const options = {
    config,
    specialTokensMap: read("special_tokens_map.json"),
    ...(files["tokenizer_manifest.json"] === undefined
      ? {}
      : { manifest: manifestOf(read("tokenizer_manifest.json"), json, added) }),
  };
  return wasSavedByAdapter(config) ? parseHfTokenizer(json, options) : parseTokenizer(json, options);
}

function manifestOf(
  manifest: JsonObject,
  json: TokenizerJson,
  added: readonly { readonly content: string; readonly id: number }[],
): JsonObject {
  const result = isObject(manifest["result"]) ? manifest["result"] : {};
  const before = isObject(manifest["added_special_tokens"]) ? manifest["added_special_tokens"] : {};
  return {
    ...manifest,
    added_special_tokens: { ...before, ...Object.fromEntries(added.map(({ content, id }) => [content, id])) },
    result: { ...result, sha256: tokenizerSha256(json) },
  };
}

/** @throws {TokenizerError} `TOKENIZER_VOCAB_TOO_SMALL` for a tokenizer with fewer ids */
export function assertVocabSize(tokenizer: Tokenizer, minimum: number): void {
  if (tokenizer.vocabSize >= minimum) return;
  throw new TokenizerError(
    "TOKENIZER_VOCAB_TOO_SMALL",
    `tokenizer: expected at least ${minimum} ids, got ${tokenizer.vocabSize}`,
  );
}
