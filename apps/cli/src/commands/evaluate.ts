import { type Command, Option } from "commander";
import type { CommandContext } from "../program.ts";
import { table, warningsTo } from "../terminal.ts";
import { deviceOption, type SharedOptions, wholeNumber, withSharedOptions } from "./shared-options.ts";

interface EvaluateFlags extends SharedOptions {
  readonly checkpoint: string;
  readonly data?: string;
  readonly split: "train" | "validation" | "test";
  readonly metrics?: string;
  readonly batchSize: number;
  readonly maxSamples?: number;
  readonly outputDir?: string;
  readonly device: string;
}

export function addEvaluateCommand(program: Command, context: CommandContext): void {
  withSharedOptions(program.command("evaluate"))
    .description("Score a checkpoint on held-out text, or on a JSONL file of { input, target }.")
    .requiredOption("--checkpoint <dir>", "a run, a checkpoint, or any Hugging Face model folder")
    .option("--data <file>", "a JSONL file of { input, target } rows, or a text file; default: the data of the run")
    .addOption(
      new Option("--split <name>", "split of the run's data")
        .choices(["train", "validation", "test"])
        .default("validation"),
    )
    .option(
      "--metrics <names>",
      "comma-separated; default: loss,perplexity,bits_per_byte,token_accuracy (and exact_match,f1 for rows)",
    )
    .option("--batch-size <n>", "rows per forward pass; does not change the results", wholeNumber("--batch-size", 1), 8)
    .option("--max-samples <n>", "score only the first n rows", wholeNumber("--max-samples", 1))
    .option("--output-dir <dir>", "where metrics.ndjson and metrics.csv go", "runs/eval")
    .addOption(deviceOption())
    .addHelpText(
      "after",
      `
Examples:
  $ codex evaluate --checkpoint runs/<run-id>
  $ codex evaluate --checkpoint runs/<run-id> --data questions.jsonl --metrics exact_match,f1
  $ codex evaluate --checkpoint ./gpt2 --data book.txt --metrics perplexity,bits_per_byte`,
    )
    .action(async (flags: EvaluateFlags) => {
      const { evaluate } = await import("@codex/pipeline");
      const { metrics, json, debug, ...request } = flags;
      const names = metrics
        ?.split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "");
      const result = await evaluate({
        ...request,
        onNotice: warningsTo(context.terminal),
        ...(names === undefined ? {} : { metrics: names }),
      });
      if (json) {
        context.terminal.out.write(`${JSON.stringify(result)}\n`);
        return;
      }
      const rows = result.records.map((record) => [
        record.metric,
        record.value.toFixed(4),
        `n = ${record.tags["n"]}`,
        record.split,
      ]);
      context.terminal.out.write(`${table(rows)}\nwritten to ${result.files.join(" and ")}\n`);
    });
}
