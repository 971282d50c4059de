import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { reportProgress } from "../progress.ts";
import { type SharedOptions, withSharedOptions } from "./shared-options.ts";

interface ResumeFlags extends SharedOptions {
  readonly allowDrift?: boolean;
}

export function addResumeCommand(program: Command, context: CommandContext): void {
  withSharedOptions(program.command("resume"))
    .description("Go on with a run from its newest valid checkpoint, with the configuration that is saved in it.")
    .argument("<run>", "a run directory, or one checkpoint inside it")
    .argument("[overrides...]", "changes to the saved configuration; they need --allow-drift")
    .option("--allow-drift", "resume although the configuration or the data changed")
    .addHelpText(
      "after",
      `
Examples:
  $ codex resume runs/<run-id>
  $ codex resume runs/<run-id>/checkpoints/step-00000100
  $ codex resume runs/<run-id> --allow-drift training.maxSteps=2000`,
    )
    .action(async (directory: string, overrides: string[], flags: ResumeFlags) => {
      const { resume } = await import("@codex/pipeline");
      context.exitCode = await reportProgress(context.terminal, flags, (hooks) =>
        resume(directory, { ...hooks, overrides, allowDrift: flags.allowDrift === true }),
      );
    });
}
