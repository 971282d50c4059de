import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { type SharedOptions, withSharedOptions } from "./shared-options.ts";

/** Of the project if it has one, otherwise the one that ships with Codex. */
const DEFAULT_CONFIG = "config";

export function addConfigCommand(program: Command, context: CommandContext): void {
  const config = program.command("config").description("Look at a configuration before it is used.");

  for (const name of ["print", "validate"] as const) {
    withSharedOptions(config.command(name))
      .description(
        name === "print"
          ? "Print the effective configuration."
          : "Check a configuration; exit code 0 means that it is valid, 2 that it is not.",
      )
      .argument("[file]", "a YAML file, or a name among the configurations", DEFAULT_CONFIG)
      .argument("[overrides...]", "a.b=value, +a.b=value, ~a.b, group=choice")
      .addHelpText("after", `\nExample:\n  $ codex config ${name} configs/recipes/quickstart.yaml training.batchSize=4`)
      .action(async (file: string, overrides: string[], flags: SharedOptions) => {
        const { loadConfiguration } = await import("@codex/pipeline");
        const configuration = await loadConfiguration({ config: file, overrides });
        if (name === "print")
          context.terminal.out.write(
            flags.json ? `${JSON.stringify(configuration.value, null, 2)}\n` : configuration.yaml,
          );
        else
          context.terminal.out.write(flags.json ? `${JSON.stringify({ valid: true, file })}\n` : `${file} is valid\n`);
      });
  }

  withSharedOptions(config.command("schema"))
    .description("Print the JSON Schema of the configuration, with the options of everything that is registered.")
    .addHelpText("after", "\nExample:\n  $ codex config schema > codex.schema.json")
    .action(async () => {
      const { configurationSchema } = await import("@codex/pipeline");
      context.terminal.out.write(`${JSON.stringify(await configurationSchema(), null, 2)}\n`);
    });

  withSharedOptions(config.command("docs"))
    .description("Print a Markdown table of every key: type, unit, default.")
    .addHelpText("after", "\nExample:\n  $ codex config docs > configuration.md")
    .action(async (flags: SharedOptions) => {
      const { configurationDocs } = await import("@codex/pipeline");
      const markdown = await configurationDocs();
      context.terminal.out.write(flags.json ? `${JSON.stringify({ markdown })}\n` : markdown);
    });
}
