import Type from "typebox";
import { TokenizerError } from "./errors.ts";
import { isObject, type JsonObject } from "./json-reader.ts";
import type { SpecialToken, SpecialTokens } from "./tokenizer.ts";
import type { AddedToken } from "./tokenizer-json.ts";
import { loneSurrogateIndex } from "./utf8.ts";

const Token = (role: string) => Type.Optional(Type.String({ minLength: 1, description: role }));

/** The schema of `specialTokens` in the options of a tokenizer that is to be made. The tokens' ids follow this order. */
export const specialTokensSchema = (defaults: SpecialTokenOptions) =>
  Type.Object(
    {
      pad: Token("Padding token."),
      unk: Token("Token for characters outside the vocabulary (char tokenizer only: byte-level ones have none)."),
      bos: Token("Token that begins a text. May be the same as eos."),
      eos: Token("Token that ends a text; stands between packed documents."),
      additional: Type.Optional(
        Type.Array(Type.String({ minLength: 1 }), { description: "More special tokens, without a role." }),
      ),
    },
    { additionalProperties: false, default: defaults, description: "Special tokens by role." },
  );

/** Special tokens of a tokenizer that is to be made, by role. */
export interface SpecialTokenOptions {
  pad?: string;
  unk?: string;
  bos?: string;
  eos?: string;
  additional?: string[];
}

const ROLES = ["pad", "unk", "bos", "eos"] as const;

/** The tokens without doubles (a text may have two roles), in the order of their ids. @throws {TokenizerError} `TOKENIZER_OPTIONS_INVALID` */
export function specialTokenList(options: SpecialTokenOptions): string[] {
  const tokens = new Set<string>();
  for (const role of ROLES) if (options[role] !== undefined) tokens.add(options[role]);
  for (const token of options.additional ?? []) tokens.add(token);
  for (const token of tokens) {
    if (token !== "" && loneSurrogateIndex(token) < 0) continue;
    throw new TokenizerError(
      "TOKENIZER_OPTIONS_INVALID",
      `specialTokens: expected a non-empty string of whole characters, got ${JSON.stringify(token)}`,
    );
  }
  return [...tokens];
}

/** The `added_tokens` of a `tokenizer.json` for special tokens. */
export function specialAddedTokens(tokens: readonly { content: string; id: number }[]): JsonObject[] {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return tokens.map(({ id, content }) => ({ id, content, ...flags }));
}

/** The `tokenizer_config.json` that transformers opens as it is. */
export function tokenizerConfig(options: SpecialTokenOptions): JsonObject {
  const roles = ROLES.filter((role) => options[role] !== undefined).map((role) => [`${role}_token`, options[role]]);
  return {
    ...Object.fromEntries(roles),
    clean_up_tokenization_spaces: false,
    tokenizer_class: "PreTrainedTokenizerFast",
  };
}

/** The `special_tokens_map.json` of the roles. */
export function specialTokensMap(tokens: SpecialTokens): JsonObject {
  return Object.fromEntries(
    ROLES.filter((role) => tokens[role] !== undefined).map((role) => [`${role}_token`, tokens[role]!.token]),
  );
}

/**
 * The roles that a `tokenizer_config.json` (or, where it is silent, a `special_tokens_map.json`) gives to tokens.
 * @throws {TokenizerError} `TOKENIZER_SPECIAL_TOKEN_UNKNOWN` for a role whose token the vocabulary lacks
 */
export function readSpecialTokens(
  files: readonly JsonObject[],
  addedTokens: readonly AddedToken[],
  tokenToId: (token: string) => number | undefined,
): SpecialTokens {
  const roles: Partial<Record<(typeof ROLES)[number], SpecialToken>> = {};
  for (const role of ROLES) {
    const values = files.map((file) => file[`${role}_token`]).map((value) => (isObject(value) ? value.content : value));
    const token = values.find((value) => typeof value === "string");
    if (token === undefined) continue;
    const id = tokenToId(token);
    if (id === undefined) {
      throw new TokenizerError(
        "TOKENIZER_SPECIAL_TOKEN_UNKNOWN",
        `tokenizer_config.json: ${role}_token: expected a token of the vocabulary, got ${JSON.stringify(token)}`,
      );
    }
    roles[role] = { token, id };
  }
  const taken = new Set(Object.values(roles).map(({ id }) => id));
  const additional = addedTokens
    .filter((token) => token.special && !taken.has(token.id))
    .map((token) => ({ token: token.content, id: token.id }));
  return { ...roles, additional };
}
