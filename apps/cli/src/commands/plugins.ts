import type { EntryExplanation } from "@codex/pipeline";
import type { Command } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import type { CommandContext } from "../program.ts";
import { table } from "../terminal.ts";
import { type SharedOptions, withSharedOptions } from "./shared-options.ts";

async function list(context: CommandContext, flags: SharedOptions): Promise<void> {
  const { listPlugins } = await import("@codex/pipeline");
  const entries = await listPlugins();
  const rows = entries.map((entry) => [entry.kind, entry.name, entry.source, entry.error ?? ""]);
  context.terminal.out.write(
    `${flags.json ? JSON.stringify(entries) : table([["kind", "name", "from", ""], ...rows])}\n`,
  );
}

async function check(context: CommandContext, flags: SharedOptions): Promise<void> {
  const { checkPlugins } = await import("@codex/pipeline");
  const reports = await checkPlugins();
  const broken = reports.filter((report) => report.problems.length > 0);
  if (flags.json) context.terminal.out.write(`${JSON.stringify(reports)}\n`);
  else {
    for (const report of reports) {
      context.terminal.out.write(
        `${report.problems.length === 0 ? "ok    " : "BROKEN"}  ${report.packageName} ${report.version}\n`,
      );
      for (const problem of report.problems) context.terminal.out.write(`        ${problem}\n`);
    }
  }
  if (broken.length > 0) context.exitCode = EXIT_CODES.usage;
}

function describe(entry: EntryExplanation): string {
  const heading = `${entry.kind}/${entry.name} from ${entry.source}`;
  const lines = [entry.description === undefined ? heading : `${heading}\n${entry.description}`];
  if (entry.problem !== undefined) lines.push(`cannot be used: ${entry.problem.message}`);
  const rows = entry.options.map((option) => [
    `  ${option.path}`,
    option.type,
    option.default === undefined ? (option.required ? "required" : "optional") : JSON.stringify(option.default),
    option.description ?? "",
  ]);
  if (rows.length > 0) lines.push(table(rows));
  return lines.join("\n");
}

export function addPluginsCommand(program: Command, context: CommandContext): void {
  const plugins = program.command("plugins").description("What is registered, by whom, and whether it works.");
  const example = (name: string) => `\nExample:\n  $ codex plugins ${name}`;

  withSharedOptions(plugins.command("list"))
    .description("List every model, tokenizer, data set, metric, optimizer, schedule, trainer and tracker.")
    .addHelpText("after", example("list"))
    .action((flags: SharedOptions) => list(context, flags));
  withSharedOptions(program.command("list-plugins", { hidden: true }))
    .description("Alias of plugins list.")
    .addHelpText("after", example("list"))
    .action((flags: SharedOptions) => list(context, flags));

  withSharedOptions(plugins.command("check"))
    .alias("diagnose")
    .description("Load every plugin; exit code 2 when one is broken.")
    .addHelpText("after", example("check"))
    .action((flags: SharedOptions) => check(context, flags));

  withSharedOptions(plugins.command("explain"))
    .description("Say where a name comes from and which options it takes; exit code 2 when it cannot be used.")
    .argument("<name>", "a registered name, for example llama or models/llama")
    .addHelpText("after", example("explain models/llama"))
    .action(async (name: string, flags: SharedOptions) => {
      const { explainPlugin } = await import("@codex/pipeline");
      const explanations = await explainPlugin(name);
      context.terminal.out.write(
        flags.json ? `${JSON.stringify(explanations)}\n` : `${explanations.map(describe).join("\n\n")}\n`,
      );
      if (explanations.some(({ problem }) => problem !== undefined)) context.exitCode = EXIT_CODES.usage;
    });
}
