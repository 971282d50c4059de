import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { shown } from "../terminal.ts";
import { type SharedOptions, wholeNumber, withSharedOptions } from "./shared-options.ts";

interface LogFlags extends SharedOptions {
  readonly directory: string;
}

interface ErrorFlags extends LogFlags {
  readonly step: string;
  readonly stepNumber?: number;
  readonly context?: string;
  readonly suggestion?: string;
}

export function addLogCommand(program: Command, { terminal }: CommandContext): void {
  const log = program
    .command("log")
    .description("Logs that people and agents keep of a project: changes, errors, results.");
  const withFlags = (command: Command) =>
    withSharedOptions(command).option("--directory <dir>", "folder of the logs", ".codex");
  const tell = (path: string, flags: LogFlags) =>
    void terminal.out.write(flags.json ? `${JSON.stringify({ path })}\n` : `added to ${shown(path)}\n`);

  withFlags(log.command("change"))
    .description("Add a line to change_log.md.")
    .argument("<section>", "what it is about")
    .argument("<details>", "what was changed")
    .addHelpText("after", '\nExample:\n  $ codex log change data "removed 1,204 duplicates"')
    .action(async (section: string, details: string, flags: LogFlags) => {
      const { logChange } = await import("@codex/logging/work-log");
      tell(await logChange({ section, details }, flags), flags);
    });

  withFlags(log.command("result"))
    .description("Add a line to results.md.")
    .argument("<title>", "what was measured")
    .argument("<details>", "what came out")
    .addHelpText("after", '\nExample:\n  $ codex log result "bits per byte" "1.360, trigram 2.245"')
    .action(async (title: string, details: string, flags: LogFlags) => {
      const { logResult } = await import("@codex/logging/work-log");
      tell(await logResult({ title, details }, flags), flags);
    });

  withFlags(log.command("error"))
    .description("Add a record to errors.ndjson, and print it as a question.")
    .argument("<message>", "what went wrong")
    .requiredOption("--step <description>", "what was being done")
    .option("--step-number <n>", "its number in a plan", wholeNumber("--step-number"))
    .option("--context <text>", "what one has to know to understand it")
    .option("--suggestion <text>", "what to try")
    .addHelpText("after", '\nExample:\n  $ codex log error "disk full" --step "train the tokenizer" --step-number 3')
    .action(async (message: string, flags: ErrorFlags) => {
      const { formatErrorBlock, logError } = await import("@codex/logging/work-log");
      const { context, suggestion, stepNumber: number } = flags;
      const record = await logError(
        {
          step: { description: flags.step, ...(number === undefined ? {} : { number }) },
          message,
          ...(context === undefined ? {} : { context }),
          ...(suggestion === undefined ? {} : { suggestion }),
        },
        flags,
      );
      terminal.out.write(flags.json ? `${JSON.stringify(record)}\n` : `${formatErrorBlock(record)}\n`);
    });
}
