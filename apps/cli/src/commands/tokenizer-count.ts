import { type Command, Option } from "commander";
import type { CommandContext } from "../program.ts";
import { withSignals } from "../signals.ts";
import {
  type BudgetFlags,
  budgetFlags,
  type TextFileFlags,
  textFileFlags,
  withBudgetOptions,
  withTextFileOptions,
} from "./corpus-options.ts";
import { countingProgress } from "./counting-progress.ts";
import { type SharedOptions, withSharedOptions } from "./shared-options.ts";

const PRE_TOKENIZERS = ["gpt2", "llama3", "qwen2", "none", "whitespace", "bert", "bert-uncased", "metaspace"] as const;

interface CountFlags extends SharedOptions, TextFileFlags, BudgetFlags {
  readonly input: string[];
  readonly output: string;
  readonly preTokenizer: (typeof PRE_TOKENIZERS)[number];
  readonly dryRun?: boolean;
}

/** `codex tokenizer count`: one part of a corpus, on one machine of many. */
export function addTokenizerCountCommand(tokenizer: Command, context: CommandContext): void {
  const command = withSharedOptions(tokenizer.command("count"))
    .description("Count the words of a corpus, or of a part of it, into a file that train --counts takes.")
    .requiredOption("--input <path...>", "files, folders or globs")
    .requiredOption("--output <file>", "the file to write")
    .addOption(
      new Option("--pre-tokenizer <name>", "how texts are cut: that of the tokenizer to be trained")
        .choices(PRE_TOKENIZERS)
        .default("gpt2"),
    )
    .option("--dry-run", "say what would be read and written, and write nothing");
  withBudgetOptions(withTextFileOptions(command))
    .addHelpText(
      "after",
      `
Examples:
  $ codex tokenizer count --input "part-1/*.txt" --output part-1.counts
  $ codex tokenizer count --input "part-2/*.txt" --output part-2.counts
  $ codex tokenizer train --counts part-1.counts part-2.counts --output tokenizers/all --vocab-size 32000`,
    )
    .action(async (flags: CountFlags) => {
      const { countTokenizerWords, planTokenizerCount } = await import("@codex/pipeline");
      const { input, output, preTokenizer } = flags;
      const request = { input, output, preTokenizer, ...textFileFlags(flags), ...budgetFlags(flags) };
      const write = (result: unknown, text: string): void => {
        context.terminal.out.write(`${flags.json ? JSON.stringify(result) : text}\n`);
      };
      context.exitCode = await withSignals(context.terminal, "stopping", async (signal) => {
        if (flags.dryRun) {
          const plan = await planTokenizerCount(request);
          write(plan, `would count ${plan.files.length} files, ${plan.bytes} bytes, into ${plan.output}`);
          return false;
        }
        const { onProgress, onPrune } = await countingProgress(context.terminal, flags);
        const result = await countTokenizerWords({
          ...request,
          onProgress: (progress) => onProgress({ phase: "count", ...progress }),
          onPrune,
          signal,
        });
        write(
          result,
          `${result.words} words in ${result.documents} documents, ${result.bytes} bytes of text\nwritten to ${result.file}`,
        );
        return false;
      });
    });
}
