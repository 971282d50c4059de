import type { TokenizerTrainingPlan, TrainedTokenizerFiles } from "@codex/pipeline";
import type { Command } from "commander";
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
import { type SharedOptions, UsageError, wholeNumber, withSharedOptions } from "./shared-options.ts";

interface TrainTokenizerFlags extends SharedOptions, TextFileFlags, BudgetFlags {
  readonly input?: string[];
  readonly counts?: string[];
  readonly output: string;
  readonly kind: string;
  readonly vocabSize?: number;
  readonly dryRun?: boolean;
}

/** `codex tokenizer train`: texts or counts in, a Hugging Face folder out. */
export function addTokenizerTrainCommand(tokenizer: Command, context: CommandContext): void {
  const command = withSharedOptions(tokenizer.command("train"))
    .description(
      "Train a tokenizer on text files and write tokenizer.json, its companions and tokenizer_manifest.json.",
    )
    .argument("[settings...]", "of the tokenizer: minFrequency=2, specialTokens.eos='</s>' (codex plugins explain)")
    .option("--input <path...>", "files, folders or globs")
    .option("--counts <file...>", "instead: what codex tokenizer count wrote, one file for each part of the corpus")
    .requiredOption("--output <dir>", "the folder to write")
    .option("--kind <name>", "a registered tokenizer", "bpe")
    .option("--vocab-size <n>", "number of ids, for kinds that take one", wholeNumber("--vocab-size", 1))
    .option("--dry-run", "check everything and say what would be done, and write nothing");
  withBudgetOptions(withTextFileOptions(command))
    .addHelpText(
      "after",
      `
Examples:
  $ codex tokenizer train --input "src/**/*.ts" --output tokenizers/code --vocab-size 8000
  $ codex tokenizer train minFrequency=2 --input corpus.jsonl.gz --column content --output tokenizers/corpus --dry-run`,
    )
    .action(async (settings: string[], flags: TrainTokenizerFlags) => {
      const { planTokenizerTraining, trainTokenizer } = await import("@codex/pipeline");
      const { input, counts, output, kind, vocabSize } = flags;
      if ((input === undefined) === (counts === undefined)) {
        throw new UsageError("codex tokenizer train: expected either --input or --counts");
      }
      const request = {
        ...(input === undefined ? {} : { input }),
        ...(counts === undefined ? {} : { counts }),
        ...(vocabSize === undefined ? {} : { vocabSize }),
        ...textFileFlags(flags),
        ...budgetFlags(flags),
        output,
        kind,
        settings,
      };
      context.exitCode = await withSignals(context.terminal, "stopping", async (signal) => {
        const write = <Result>(result: Result, text: (result: Result) => string): void => {
          context.terminal.out.write(`${flags.json ? JSON.stringify(result) : text(result)}\n`);
        };
        if (flags.dryRun) write(await planTokenizerTraining(request), planText);
        else {
          const progress = await countingProgress(context.terminal, flags);
          write(await trainTokenizer({ ...request, ...progress, signal }), resultText);
        }
        return false;
      });
    });
}

function planText({ kind, settings, output, replaces, files, bytes }: TokenizerTrainingPlan): string {
  return [
    "Training plan:",
    `  kind        ${kind}`,
    ...Object.entries(settings).map(([name, value]) => `  ${name.padEnd(11)} ${JSON.stringify(value)}`),
    `  output      ${output}${replaces ? ", whose tokenizer is replaced" : ""}`,
    `  files       ${files.length}, ${bytes} bytes`,
    ...files.map((file) => `    ${file.path} (${file.bytes} bytes)`),
    "nothing was written (--dry-run)",
  ].join("\n");
}

function resultText({ vocabSize, bytes, directory, files }: TrainedTokenizerFiles): string {
  return `${vocabSize} ids from ${bytes} bytes of text\nwritten to ${directory}: ${files.join(", ")}`;
}
