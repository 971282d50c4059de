import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addConfigCommand } from "./commands/config.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEvaluateCommand } from "./commands/evaluate.ts";
import { addGenerateCommand } from "./commands/generate.ts";
import { addLogCommand } from "./commands/log.ts";
import { addMetricsServerCommand } from "./commands/metrics-server.ts";
import { addPluginsCommand } from "./commands/plugins.ts";
import { addResumeCommand } from "./commands/resume.ts";
import { addRunsCommand } from "./commands/runs.ts";
import { addSessionsCommand } from "./commands/sessions.ts";
import { UsageError } from "./commands/shared-options.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTokenizerCommand } from "./commands/tokenizer.ts";
import { addTrainCommand } from "./commands/train.ts";
import { addUiCommand } from "./commands/ui.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { reportError } from "./report-error.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

/** What every command is given: where to write, and where to leave its exit code. */
export interface CommandContext {
  readonly terminal: Terminal;
  exitCode: number;
}

function version(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return manifest.version;
}

/** The command tree. Nothing heavy is imported here: each action loads `@codex/pipeline` or `@codex/ui` when it runs. */
export function createProgram(context: CommandContext, { json = false } = {}): Command {
  const program = new Command("codex")
    .description("Train, resume, evaluate and sample language models.")
    .version(version())
    .showHelpAfterError("(codex --help lists the commands)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.out.write(text),
      // With --json the error is written once, as an object, by `run`.
      writeErr: (text) => json || context.terminal.err.write(text),
    });
  program.addHelpText(
    "after",
    `
Examples:
  $ codex train --config configs/recipes/quickstart.yaml
  $ codex resume runs/<run-id>
  $ codex generate --checkpoint runs/<run-id> --prompt "interface Array<T> {"

Exit codes: 0 done, 2 usage or configuration, 3 data or checkpoint, 4 device, disk or memory, 5 run directory in use,
6 configuration or data changed since the checkpoint, 7 loss not finite, 130/143 stopped by a signal, 1 anything else.`,
  );
  for (const add of [
    addTrainCommand,
    addResumeCommand,
    addGenerateCommand,
    addEvaluateCommand,
    addTokenizerCommand,
    addRunsCommand,
    addSessionsCommand,
    addLogCommand,
    addStatusCommand,
    addMetricsServerCommand,
    addUiCommand,
    addConfigCommand,
    addPluginsCommand,
    addDoctorCommand,
  ]) {
    add(program, context);
  }
  return program;
}

/**
 * Runs one command line.
 * @param args - without `node` and the script
 * @returns the exit code
 */
export async function run(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  const context: CommandContext = { terminal, exitCode: EXIT_CODES.done };
  const flags = { debug: args.includes("--debug"), json: args.includes("--json") };
  try {
    await createProgram(context, flags).parseAsync([...args], { from: "user" });
    return context.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportError(terminal, error, flags);
    if (error.exitCode === 0) return EXIT_CODES.done; // help and version
    // Commander has said what is wrong, for people.
    if (flags.json) return reportError(terminal, new UsageError(error.message.replace(/^error: /, "")), flags);
    return EXIT_CODES.usage;
  }
}
