import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { withSignals } from "../signals.ts";
import { table } from "../terminal.ts";
import { type SharedOptions, wholeNumber, withSharedOptions } from "./shared-options.ts";

interface TrainTokenizerFlags extends SharedOptions {
  readonly input: string[];
  readonly output: string;
  readonly kind: string;
  readonly vocabSize?: number;
}

export function addTokenizerCommand(program: Command, context: CommandContext): void {
  const tokenizer = program.command("tokenizer").description("Train a tokenizer, or look into one.");

  withSharedOptions(tokenizer.command("train"))
    .description("Train a tokenizer on text files and write tokenizer.json, its companions and manifest.json.")
    .requiredOption("--input <path...>", "files, folders or globs")
    .requiredOption("--output <dir>", "the folder to write")
    .option("--kind <name>", "a registered tokenizer", "bpe")
    .option("--vocab-size <n>", "number of ids, for kinds that take one", wholeNumber("--vocab-size", 1))
    .addHelpText(
      "after",
      `\nExample:\n  $ codex tokenizer train --input "src/**/*.ts" --output tokenizers/code --vocab-size 8000`,
    )
    .action(async (flags: TrainTokenizerFlags) => {
      const { trainTokenizer } = await import("@codex/pipeline");
      const { json, debug, ...request } = flags;
      context.exitCode = await withSignals(context.terminal, "stopping", async (signal) => {
        const result = await trainTokenizer({ ...request, signal });
        const text = `${result.vocabSize} ids from ${result.bytes} bytes of text\nwritten to ${result.directory}: ${result.files.join(", ")}`;
        context.terminal.out.write(`${json ? JSON.stringify(result) : text}\n`);
        return false;
      });
    });

  withSharedOptions(tokenizer.command("inspect"))
    .description("Say what is inside a tokenizer, and where a text is cut.")
    .argument("<path>", "a tokenizer.json, or a folder that holds one")
    .option("--text <text>", "a text to encode")
    .addHelpText("after", `\nExample:\n  $ codex tokenizer inspect runs/<run-id>/tokenizer --text "const x = 1;"`)
    .action(async (path: string, flags: SharedOptions & { readonly text?: string }) => {
      const { inspectTokenizer } = await import("@codex/pipeline");
      const result = await inspectTokenizer(path, flags.text);
      if (flags.json) {
        context.terminal.out.write(`${JSON.stringify(result)}\n`);
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
        );
      }
      context.terminal.out.write(`${table(rows)}\n`);
    });
}
