import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { withSignals } from "../signals.ts";
import { type SharedOptions, wholeNumber, withSharedOptions } from "./shared-options.ts";

interface MetricsServerFlags extends SharedOptions {
  readonly root: string;
  readonly host?: string;
  readonly port?: number;
  readonly runs?: number;
}

export function addMetricsServerCommand(program: Command, context: CommandContext): void {
  withSharedOptions(program.command("metrics-server"))
    .description(
      "Serve the newest runs of a folder to Prometheus, those that go on and those that are over, until a signal.",
    )
    .option("--root <dir>", "folder of the run directories", "runs")
    .option("--host <address>", "address to listen on (127.0.0.1)")
    .option("--port <n>", "port to listen on, 0 for one that is free (8001)", wholeNumber("--port"))
    .option("--runs <n>", "so many of the newest runs (20)", wholeNumber("--runs", 1))
    .addHelpText("after", "\nExample:\n  $ codex metrics-server --port 8001")
    .action(async ({ root, host, port, runs, json }: MetricsServerFlags) => {
      const { startMetricsServer } = await import("@codex/pipeline");
      const server = await startMetricsServer({
        runsDirectory: root,
        ...(host === undefined ? {} : { host }),
        ...(port === undefined ? {} : { port }),
        ...(runs === undefined ? {} : { limit: runs }),
      });
      context.terminal.out.write(json ? `${JSON.stringify(server)}\n` : `serving ${root} at ${server.address}\n`);
      context.exitCode = await withSignals(context.terminal, "closing", async (signal) => {
        const alive = setInterval(() => {}, 2 ** 30); // the endpoint alone keeps no process alive
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        clearInterval(alive);
        await server.close();
        return false;
      });
    });
}
