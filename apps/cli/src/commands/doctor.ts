import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { table } from "../terminal.ts";
import { type SharedOptions, withSharedOptions } from "./shared-options.ts";

interface DoctorFlags extends SharedOptions {
  readonly setupTensorflow?: boolean;
  readonly gpu?: boolean;
  readonly directory: string;
}

export function addDoctorCommand(program: Command, context: CommandContext): void {
  withSharedOptions(program.command("doctor"))
    .description("Report the devices, their versions and threads, what was chosen, and how to enable the rest.")
    .option("--setup-tensorflow", "make @tensorflow/tfjs-node work from the libraries of a TensorFlow wheel")
    .option("--gpu", "with --setup-tensorflow: build @tensorflow/tfjs-node-gpu")
    .option("--directory <dir>", "the project that TensorFlow is set up in", ".")
    .addHelpText("after", "\nExamples:\n  $ codex doctor\n  $ codex doctor --setup-tensorflow")
    .action(async (flags: DoctorFlags) => {
      const { out, err } = context.terminal;
      if (flags.setupTensorflow) {
        const { setupTensorflow } = await import("@codex/pipeline");
        const result = await setupTensorflow({
          directory: flags.directory,
          gpu: flags.gpu === true,
          onProgress: (line: string) => void err.write(`  ${line}\n`),
        });
        out.write(flags.json ? `${JSON.stringify(result)}\n` : `${result.summary}\n`);
        return;
      }
      const { doctor } = await import("@codex/pipeline");
      const report = await doctor();
      if (flags.json) {
        out.write(`${JSON.stringify(report)}\n`);
        return;
      }
      const rows = report.devices.map((device) => [
        device.device === report.chosen.device ? "*" : " ",
        device.device,
        device.found ? (device.version ?? "") : "absent",
        device.found ? `${device.threads} thread${device.threads === 1 ? "" : "s"}` : "",
        device.found ? (device.deterministic ? "repeats its bits" : "does not repeat its bits") : "",
        device.reason ?? "",
      ]);
      out.write(`${table(rows)}\n\nchosen: ${report.chosen.device} (${report.chosen.reason})\n`);
      for (const device of report.devices)
        if (!device.found && device.enable) out.write(`to enable ${device.device}: ${device.enable}\n`);
      out.write(`\n${table(report.versions.map(({ name, version }) => [name, version]))}\n`);
    });
}
