import { join, resolve } from "node:path";
import { makeDirectory, writeFileDurably } from "@codex/storage";
import { jsonToSentencePiece, jsonToTiktoken, serializeSentencePieceModel, type Tokenizer } from "@codex/tokenization";
import { openTokenizer, type TokenizerReference } from "./open-tokenizer.ts";

export const EXPORT_FORMATS = ["tokenizer.json", "sentencepiece", "tiktoken"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportTokenizerRequest extends TokenizerReference {
  readonly format: ExportFormat;
  /** The folder to write. */
  readonly output: string;
  /** Say what would be written, and write nothing. */
  readonly dryRun?: boolean;
  readonly directory?: string;
}

export interface ExportedTokenizer {
  readonly format: ExportFormat;
  readonly directory: string;
  readonly written: boolean;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/**
 * Writes a tokenizer in another format: a Hugging Face folder, `tokenizer.model` of SentencePiece, or `tokenizer.tiktoken` with
 * `tiktoken.json`, which holds the pattern and the special tokens that a rank file has no place for.
 *
 * @throws {TokenizerError} `TOKENIZER_EXPORT_IMPOSSIBLE` where the format has no place for what the tokenizer does; what loading throws
 */
export async function exportTokenizer(request: ExportTokenizerRequest): Promise<ExportedTokenizer> {
  const files = filesOf(await openTokenizer(request), request.format);
  const written = request.dryRun !== true;
  if (written) {
    const output = resolve(request.directory ?? process.cwd(), request.output);
    await makeDirectory(output);
    for (const [name, contents] of Object.entries(files)) await writeFileDurably(join(output, name), contents);
  }
  return {
    format: request.format,
    directory: request.output,
    written,
    files: Object.entries(files).map(([name, contents]) => ({ name, bytes: Buffer.byteLength(contents) })),
  };
}

function filesOf(tokenizer: Tokenizer, format: ExportFormat): Record<string, string | Uint8Array> {
  switch (format) {
    case "tokenizer.json":
      return tokenizer.saveFiles();
    case "sentencepiece": {
      const config = JSON.parse(tokenizer.saveFiles()["tokenizer_config.json"] ?? "{}");
      return { "tokenizer.model": serializeSentencePieceModel(jsonToSentencePiece(tokenizer.toJSON(), config)) };
    }
    case "tiktoken": {
      const { text, pattern, specialTokens } = jsonToTiktoken(tokenizer.toJSON());
      const beside = { pat_str: pattern, special_tokens: specialTokens };
      return { "tokenizer.tiktoken": text, "tiktoken.json": `${JSON.stringify(beside, null, 2)}\n` };
    }
  }
}
