import { readFile } from "node:fs/promises";
import type { TokenizerInspection } from "@codex/pipeline";
import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { outputColourAllowed, table } from "../terminal.ts";
import { UsageError, wholeNumber } from "./shared-options.ts";
import { reference, TOKENIZER_ARGUMENT, type TokenizerFlags, withTokenizerOptions } from "./tokenizer-options.ts";

interface TextFlags extends TokenizerFlags {
  readonly text?: string;
  readonly input?: string;
}

interface EncodeFlags extends TextFlags {
  readonly specialTokens: boolean;
  readonly allowSpecial?: boolean;
  readonly maxLength?: number;
  readonly pad?: boolean;
  readonly tokens?: boolean;
}

/** `inspect`, `encode` and `decode`: one text through one tokenizer. */
export function addTokenizerTextCommands(tokenizer: Command, { terminal }: CommandContext): void {
  withTokenizerOptions(tokenizer.command("inspect"))
    .description("Say what is inside a tokenizer, and where a text is cut.")
    .argument("<path>", TOKENIZER_ARGUMENT)
    .option("--text <text>", "a text to encode")
    .addHelpText("after", `\nExample:\n  $ codex tokenizer inspect runs/<run-id>/tokenizer --text "const x = 1;"`)
    .action(async (path: string, flags: TextFlags) => {
      const { inspectTokenizer } = await import("@codex/pipeline");
      const result = await inspectTokenizer(reference(path, flags), flags.text);
      if (flags.json) {
        terminal.out.write(`${JSON.stringify(result)}\n`);
        return;
      }
      const rows = [...facts(result)];
      if (result.encoding) {
        rows.push(
          ["ids", result.encoding.ids.join(" ")],
          ["tokens", result.encoding.tokens.map((token) => JSON.stringify(token)).join(" ")],
          ["cuts", cuts(result.encoding.pieces, outputColourAllowed(terminal))],
        );
      }
      terminal.out.write(`${table(rows)}\n`);
    });

  withTokenizerOptions(tokenizer.command("encode"))
    .description("Turn text into ids.")
    .argument("<path>", TOKENIZER_ARGUMENT)
    .option("--text <text>", "the text")
    .option("--input <file>", "a UTF-8 file with the text")
    .option("--no-special-tokens", "without what the tokenizer puts around a text")
    .option("--allow-special", "special tokens in the text become their ids")
    .option("--max-length <n>", "ids at most; what is more is cut off", wholeNumber("--max-length", 1))
    .option("--pad", "fill up to --max-length, with the pad token, or where there is none with the one that ends texts")
    .option("--tokens", "write the tokens beside their ids, one in a line")
    .addHelpText("after", `\nExample:\n  $ codex tokenizer encode runs/<run-id>/tokenizer --text "const x = 1;"`)
    .action(async (path: string, flags: EncodeFlags) => {
      const { encodeText } = await import("@codex/pipeline");
      if (flags.pad && flags.maxLength === undefined) throw new UsageError("--pad: expected --max-length beside it");
      const result = await encodeText({
        ...reference(path, flags),
        text: await textOf(flags),
        addSpecialTokens: flags.specialTokens,
        allowSpecialTokens: flags.allowSpecial === true,
        ...(flags.maxLength === undefined ? {} : { maxLength: flags.maxLength }),
        pad: flags.pad === true,
      });
      const { ids, tokens } = result;
      const text = flags.tokens ? table(ids.map((id, index) => [String(id), tokens[index]!])) : ids.join(" ");
      terminal.out.write(`${flags.json ? JSON.stringify(result) : text}\n`);
    });

  withTokenizerOptions(tokenizer.command("decode"))
    .description("Turn ids into text.")
    .argument("<path>", TOKENIZER_ARGUMENT)
    .argument("<ids...>", "the ids")
    .option("--skip-special", "leave special tokens out")
    .addHelpText("after", "\nExample:\n  $ codex tokenizer decode runs/<run-id>/tokenizer 12 7 300")
    .action(async (path: string, ids: string[], flags: TokenizerFlags & { readonly skipSpecial?: boolean }) => {
      const { decodeIds } = await import("@codex/pipeline");
      const numbers = ids
        .flatMap((one) => one.split(/[\s,]+/).filter((part) => part !== ""))
        .map(wholeNumber("<ids...>"));
      const request = { ...reference(path, flags), ids: numbers, skipSpecialTokens: flags.skipSpecial === true };
      const result = await decodeIds(request);
      terminal.out.write(`${flags.json ? JSON.stringify(result) : result.text}\n`);
    });
}

/** What is inside, a fact a row. */
function facts(result: TokenizerInspection): string[][] {
  const { stages, manifest } = result;
  const listed = (types: readonly string[]): string => types.join(", ") || "none";
  const written = (value: unknown): string => (value === null ? "none" : JSON.stringify(value));
  const rows = [
    ["kind", result.kind],
    ["vocab_size", String(result.vocabSize)],
    ["special tokens", result.specialTokens.map(({ token, id }) => `${token}=${id}`).join(" ") || "none"],
    ["normalizer", listed(stages.normalizer)],
    ["pre_tokenizer", listed(stages.preTokenizer)],
    ["model", result.merges === undefined ? stages.model : `${stages.model}, ${result.merges} merges`],
    ["post_processor", listed(stages.postProcessor)],
    ["decoder", listed(stages.decoder)],
    ["padding", written(result.padding)],
    ["truncation", written(result.truncation)],
    ["max_length", written(result.maxLength)],
  ];
  if (manifest === undefined) return rows;
  const { trainer, corpus, result: trained } = manifest;
  return [
    ...rows,
    ["trained on", `${corpus.bytes} bytes in ${corpus.documents} documents, by ${trainer.name}`],
    ["sha256", trained.sha256],
  ];
}

async function textOf({ text, input }: TextFlags): Promise<string> {
  if ((text === undefined) === (input === undefined)) throw new UsageError("expected --text or --input, one of them");
  return text ?? readFile(input!, "utf8");
}

const BACKGROUNDS = [44, 42, 45, 46, 43, 41];

/** The text with each piece on a background of its own, or with bars where it is cut. Control characters are written as escapes. */
function cuts(pieces: readonly string[], colour: boolean): string {
  const shown = pieces.filter((piece) => piece !== "").map((piece) => JSON.stringify(piece).slice(1, -1));
  if (!colour) return shown.join("|");
  return shown.map((piece, index) => `\u001b[30;${BACKGROUNDS[index % BACKGROUNDS.length]}m${piece}\u001b[0m`).join("");
}
