import { exitCodeOf } from "./exit-codes.ts";
import { paint, type Terminal } from "./terminal.ts";

function help(error: Error): string | undefined {
  return "help" in error && typeof error.help === "string" ? error.help : undefined;
}

/**
 * One paragraph without a stack; `--debug` shows stack and causes, `--json` writes an object.
 * @returns the exit code
 */
export function reportError(terminal: Terminal, error: unknown, { debug = false, json = false } = {}): number {
  const exitCode = exitCodeOf(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const advice = error instanceof Error ? help(error) : undefined;
  if (json) {
    terminal.err.write(
      `${JSON.stringify({ error: { code: code ?? null, message, help: advice ?? null, exitCode } })}\n`,
    );
    return exitCode;
  }
  const label = paint(terminal, 31, code ? `error ${code}:` : "error:");
  terminal.err.write(`${label} ${message}${advice ? ` ${advice}` : ""}\n`);
  if (debug && error instanceof Error) {
    for (let current: unknown = error; current instanceof Error; current = current.cause)
      terminal.err.write(`${current.stack}\n`);
  } else if (code === undefined) {
    terminal.err.write("This is not an error that Codex knows. Run the command again with --debug for the stack.\n");
  }
  return exitCode;
}
