import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { withSignals } from "../signals.ts";
import { type SharedOptions, UsageError, wholeNumber, withSharedOptions } from "./shared-options.ts";
import { addTokenizerCountCommand } from "./tokenizer-count.ts";
import { addTokenizerFileCommands } from "./tokenizer-files.ts";
import { addTokenizerTextCommands } from "./tokenizer-texts.ts";

interface TrainTokenizerFlags extends SharedOptions {
  readonly input?: string[];
  readonly counts?: string[];
  readonly output: string;
  readonly kind: string;
  readonly vocabSize?: number;
}

export function addTokenizerCommand(program: Command, context: CommandContext): void {
  const tokenizer = program
    .command("tokenizer")
    .description("Train tokenizers, look into them, compare and export them.");

  withSharedOptions(tokenizer.command("train"))
    .description("Train a tokenizer on text files and write tokenizer.json, its companions and manifest.json.")
    .option("--input <path...>", "files, folders or globs")
    .option("--counts <file...>", "instead: what codex tokenizer count wrote, one file for each part of the corpus")
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
      if ((flags.input === undefined) === (flags.counts === undefined)) {
        throw new UsageError("codex tokenizer train: expected either --input or --counts");
      }
      context.exitCode = await withSignals(context.terminal, "stopping", async (signal) => {
        const result = await trainTokenizer({ ...request, signal });
        const text = `${result.vocabSize} ids from ${result.bytes} bytes of text\nwritten to ${result.directory}: ${result.files.join(", ")}`;
        context.terminal.out.write(`${json ? JSON.stringify(result) : text}\n`);
        return false;
      });
    });

  addTokenizerCountCommand(tokenizer, context);
  addTokenizerTextCommands(tokenizer, context);
  addTokenizerFileCommands(tokenizer, context);
}
