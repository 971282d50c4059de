import type { Tokenizer, TokenizerManifest } from "@codex/tokenization";
import { openTokenizer, type TokenizerReference } from "./open-tokenizer.ts";

export interface TokenizerInspection {
  readonly kind: string;
  readonly vocabSize: number;
  readonly specialTokens: readonly { readonly role: string; readonly token: string; readonly id: number }[];
  /** The stages of `tokenizer.json` by their types; those of a sequence one after the other. */
  readonly stages: {
    readonly normalizer: readonly string[];
    readonly preTokenizer: readonly string[];
    readonly model: string;
    readonly postProcessor: readonly string[];
    readonly decoder: readonly string[];
  };
  /** Of a BPE model. */
  readonly merges?: number;
  /** What `tokenizer.json` says; it is not applied unless a call asks for it. */
  readonly padding: unknown;
  readonly truncation: unknown;
  /** `model_max_length` of `tokenizer_config.json`. */
  readonly maxLength: number | null;
  /** What it was trained on, if it was trained by Codex. */
  readonly manifest?: TokenizerManifest;
  readonly encoding?: {
    readonly ids: readonly number[];
    readonly tokens: readonly string[];
    /** The text that each token adds; empty while the bytes of a character are incomplete. */
    readonly pieces: readonly string[];
  };
}

/** What is inside a tokenizer, and where it cuts a text. @param reference - a path, or a rank file with its pattern */
export async function inspectTokenizer(
  reference: string | TokenizerReference,
  text?: string,
): Promise<TokenizerInspection> {
  const tokenizer = await openTokenizer(typeof reference === "string" ? { path: reference } : reference);
  const { additional, ...roles } = tokenizer.specialTokens;
  const json = tokenizer.toJSON();
  const files = tokenizer.saveFiles();
  const { model_max_length: maxLength } = JSON.parse(files["tokenizer_config.json"] ?? "{}");
  const manifest = files["tokenizer_manifest.json"];
  return {
    kind: tokenizer.kind,
    vocabSize: tokenizer.vocabSize,
    specialTokens: [
      ...Object.entries(roles).map(([role, { token, id }]) => ({ role, token, id })),
      ...additional.map(({ token, id }) => ({ role: "additional", token, id })),
    ],
    stages: {
      normalizer: typesOf(json["normalizer"]),
      preTokenizer: typesOf(json["pre_tokenizer"]),
      model: String(json.model["type"] ?? tokenizer.kind),
      postProcessor: typesOf(json["post_processor"]),
      decoder: typesOf(json["decoder"]),
    },
    ...(Array.isArray(json.model["merges"]) ? { merges: json.model["merges"].length } : {}),
    padding: json["padding"] ?? null,
    truncation: json["truncation"] ?? null,
    maxLength: typeof maxLength === "number" ? maxLength : null,
    ...(manifest === undefined ? {} : { manifest: JSON.parse(manifest) as TokenizerManifest }),
    ...(text === undefined ? {} : { encoding: encodingOf(tokenizer, text) }),
  };
}

function encodingOf(tokenizer: Tokenizer, text: string): NonNullable<TokenizerInspection["encoding"]> {
  const ids = [...tokenizer.encode(text)];
  const stream = tokenizer.streamDecoder({ skipSpecialTokens: false });
  const pieces = ids.map((id) => stream.push(id));
  const rest = stream.end();
  if (pieces.length > 0) pieces[pieces.length - 1] += rest;
  const tokens = ids.map((id) => tokenizer.decode([id], { skipSpecialTokens: false }));
  return { ids, tokens, pieces };
}

/** Of a stage, or of the stages of a sequence. */
function typesOf(stage: unknown): string[] {
  if (typeof stage !== "object" || stage === null) return [];
  const { type, ...rest } = stage as { type?: unknown };
  if (type !== "Sequence") return [String(type)];
  return Object.values(rest).flatMap((inner) => (Array.isArray(inner) ? inner.flatMap(typesOf) : []));
}
