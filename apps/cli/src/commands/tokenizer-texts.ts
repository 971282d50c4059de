import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { colourAllowed, table } from "../terminal.ts";
import { UsageError, wholeNumber } from "./shared-options.ts";
import { reference, TOKENIZER_ARGUMENT, type TokenizerFlags, withTokenizerOptions } from "./tokenizer-options.ts";

interface TextFlags extends TokenizerFlags {
  readonly text?: string;
  readonly input?: string;
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
      const rows = [
        ["kind", result.kind],
        ["vocab_size", String(result.vocabSize)],
        ["special tokens", result.specialTokens.map(({ token, id }) => `${token}=${id}`).join(" ") || "none"],
      ];
      if (result.encoding) {
        rows.push(
          ["ids", result.encoding.ids.join(" ")],
          ["tokens", result.encoding.tokens.map((token) => JSON.stringify(token)).join(" ")],
          ["cuts", cuts(result.encoding.pieces, colourAllowed(terminal))],
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
    .addHelpText("after", `\nExample:\n  $ codex tokenizer encode runs/<run-id>/tokenizer --text "const x = 1;"`)
    .action(
      async (path: string, flags: TextFlags & { readonly specialTokens: boolean; readonly allowSpecial?: boolean }) => {
        const { encodeText } = await import("@codex/pipeline");
        const result = await encodeText({
          ...reference(path, flags),
          text: await textOf(flags),
          addSpecialTokens: flags.specialTokens,
          allowSpecialTokens: flags.allowSpecial === true,
        });
        terminal.out.write(`${flags.json ? JSON.stringify(result) : result.ids.join(" ")}\n`);
      },
    );

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
