import { type Command, Option } from "commander";
import type { CommandContext } from "../program.ts";
import { withSignals } from "../signals.ts";
import { type SharedOptions, wholeNumber, withSharedOptions } from "./shared-options.ts";

interface CountFlags extends SharedOptions {
  readonly input: string[];
  readonly output: string;
  readonly preTokenizer: "gpt2" | "llama3" | "qwen2" | "none" | "whitespace" | "metaspace";
  readonly memoryBudgetMb?: number;
  readonly diskBudgetMb?: number;
}

const MEGABYTE = 2 ** 20;

/** `codex tokenizer count`: one part of a corpus, on one machine of many. */
export function addTokenizerCountCommand(tokenizer: Command, context: CommandContext): void {
  withSharedOptions(tokenizer.command("count"))
    .description("Count the words of a corpus, or of a part of it, into a file that train --counts takes.")
    .requiredOption("--input <path...>", "files, folders or globs")
    .requiredOption("--output <file>", "the file to write")
    .addOption(
      new Option("--pre-tokenizer <name>", "how texts are cut: that of the tokenizer to be trained")
        .choices(["gpt2", "llama3", "qwen2", "none", "whitespace", "metaspace"])
        .default("gpt2"),
    )
    .option("--memory-budget-mb <n>", "memory that counting takes at most", wholeNumber("--memory-budget-mb", 1))
    .option(
      "--disk-budget-mb <n>",
      "disk that it takes at most; past it rare words are left out",
      wholeNumber("--disk-budget-mb", 4),
    )
    .addHelpText(
      "after",
      `
Examples:
  $ codex tokenizer count --input "part-1/*.txt" --output part-1.counts
  $ codex tokenizer count --input "part-2/*.txt" --output part-2.counts
  $ codex tokenizer train --counts part-1.counts part-2.counts --output tokenizers/all --vocab-size 32000`,
    )
    .action(async (flags: CountFlags) => {
      const { countTokenizerWords } = await import("@codex/pipeline");
      const { json, debug, memoryBudgetMb, diskBudgetMb, ...request } = flags;
      context.exitCode = await withSignals(context.terminal, "stopping", async (signal) => {
        const result = await countTokenizerWords({
          ...request,
          ...(memoryBudgetMb === undefined ? {} : { memoryBudgetBytes: memoryBudgetMb * MEGABYTE }),
          ...(diskBudgetMb === undefined ? {} : { diskBudgetBytes: diskBudgetMb * MEGABYTE }),
          signal,
        });
        const text = `${result.words} words in ${result.documents} documents, ${result.bytes} bytes of text\nwritten to ${result.file}`;
        context.terminal.out.write(`${json ? JSON.stringify(result) : text}\n`);
        return false;
      });
    });
}
