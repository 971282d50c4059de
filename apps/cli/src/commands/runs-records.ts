/** Commands over what runs recorded: is it whole, what differs, take it along. */
import { extname } from "node:path";
import { type Command, Option } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import type { CommandContext } from "../program.ts";
import { paint, shown, table } from "../terminal.ts";
import { type SharedOptions, UsageError, withSharedOptions } from "./shared-options.ts";

interface RootFlags extends SharedOptions {
  readonly root: string;
}

interface ExportFlags extends RootFlags {
  readonly output: string;
  readonly format?: "csv" | "json" | "parquet";
  readonly metric?: string[];
  readonly system?: boolean;
}

const FORMATS = ["csv", "json", "parquet"] as const;

function withRoot(command: Command): Command {
  return withSharedOptions(command).option("--root <dir>", "folder of the run directories", "runs");
}

export function addRunRecordCommands(runs: Command, context: CommandContext): void {
  const { terminal } = context;

  withRoot(runs.command("validate"))
    .description("Check what a run wrote: records against their schemas, checkpoints against their hashes.")
    .argument("<run>", "a run id below --root, or a run directory")
    .addHelpText("after", "\nExit code 3 if something is wrong.\n\nExample:\n  $ codex runs validate <run-id>")
    .action(async (run: string, flags: RootFlags) => {
      const { validateRun } = await import("@codex/pipeline");
      const check = await validateRun(run, { runsDirectory: flags.root });
      if (!check.valid) context.exitCode = EXIT_CODES.data;
      if (flags.json) return void terminal.out.write(`${JSON.stringify(check)}\n`);
      const counts = Object.entries(check.lines).map(([path, lines]) => [shown(path), `${lines} lines`]);
      const summary = [...counts, ["checkpoints", `${check.checkpoints} whole`]];
      const problems = check.problems.map(({ path, line, message }) => {
        const place = shown(line === undefined ? path : `${path}:${line}`);
        return `${paint(terminal, 31, place)}: ${shown(message)}`;
      });
      const untold = check.problemCount - check.problems.length;
      if (untold > 0) problems.push(`and ${untold} more`);
      problems.push(check.valid ? paint(terminal, 32, "valid") : `${check.problemCount} problems`);
      terminal.out.write(`${table(summary)}\n${problems.join("\n")}\n`);
    });

  withRoot(runs.command("compare"))
    .description("What differs between runs, and how they did.")
    .argument("<run...>", "two or more runs: ids below --root, or run directories")
    .addHelpText("after", "\nExample:\n  $ codex runs compare <run-id> <run-id>")
    .action(async (names: string[], flags: RootFlags) => {
      if (names.length < 2) throw new UsageError("runs compare: expected two runs or more, got one");
      const { compareRuns } = await import("@codex/pipeline");
      const comparison = await compareRuns(names, { runsDirectory: flags.root });
      if (flags.json) return void terminal.out.write(`${JSON.stringify(comparison)}\n`);
      const header = comparison.runs.map(({ runId }) => runId);
      const part = (title: string, rows: string[][]) =>
        rows.length === 0 ? [] : [`${paint(terminal, 1, title)}\n${table([["", ...header], ...rows])}`];
      const differing = (list: typeof comparison.configuration) =>
        list.map(({ key, values }) => [key, ...values.map((value) => (value === undefined ? "-" : short(value)))]);
      const parts = [
        ...part("configuration", differing(comparison.configuration)),
        ...part("circumstances", differing(comparison.circumstances)),
        ...part(
          "metrics: last (smallest, at step)",
          comparison.metrics.map(({ split, metric, dataset, runs: found }) => [
            `${split} ${metric}${dataset === null ? "" : ` (${dataset})`}`,
            ...found.map((series) =>
              series === undefined
                ? "-"
                : `${digits(series.last)} (${digits(series.smallest)}, ${series.smallestAtStep ?? "-"})`,
            ),
          ]),
        ),
      ];
      terminal.out.write(`${parts.join("\n\n")}\n`);
    });

  withRoot(runs.command("export"))
    .description("Write the numbers of runs into one file.")
    .argument("<run...>", "ids below --root, or run directories")
    .requiredOption("-o, --output <file>", "file to write")
    .addOption(new Option("--format <format>", "default: by the name of the file").choices(FORMATS))
    .option("--metric <name...>", "only these; a name that ends in * takes all that start so")
    .option("--system", "system metrics too")
    .addHelpText("after", "\nExample:\n  $ codex runs export <run-id> <run-id> --output runs.parquet")
    .action(async (names: string[], flags: ExportFlags) => {
      const extension = extname(flags.output).slice(1).toLowerCase();
      const format = flags.format ?? FORMATS.find((name) => name === extension);
      if (format === undefined) {
        throw new UsageError(
          `--output: expected a name that ends in ${FORMATS.map((name) => `.${name}`).join(", ")}, or --format; got "${flags.output}"`,
        );
      }
      const { exportRuns } = await import("@codex/pipeline");
      const exported = await exportRuns({
        runs: names,
        output: flags.output,
        format,
        runsDirectory: flags.root,
        system: flags.system === true,
        ...(flags.metric === undefined ? {} : { metrics: flags.metric }),
      });
      terminal.out.write(
        flags.json
          ? `${JSON.stringify(exported)}\n`
          : `${exported.records} numbers written to ${shown(exported.output)} (${exported.bytes} bytes)\n`,
      );
    });
}

function short(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(5)));
}
