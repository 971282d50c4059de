import { exitCodeOf } from "./exit-codes.ts";
import { paint, shown, type Terminal } from "./terminal.ts";

function help(error: Error): string | undefined {
  return "help" in error && typeof error.help === "string" ? error.help : undefined;
}

/** One paragraph: a message of several lines (a list of what is wrong) is joined into one. */
function paragraph(message: string, advice: string | undefined): string {
  const lines = message
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const text = lines
    .map((line, index) => (index + 1 < lines.length && !/[:;,.]$/.test(line) ? `${line};` : line))
    .join(" ");
  if (advice === undefined) return text;
  return `${/[.!?]$/.test(text) ? text : `${text}.`} ${advice}`;
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
  const unknown = code === undefined && !debug;
  const text = paragraph(
    shown(message),
    unknown ? "This is not an error that Codex knows: --debug shows its stack." : advice && shown(advice),
  );
  terminal.err.write(`${label} ${text}\n`);
  if (debug)
    for (let current = error; current instanceof Error; current = current.cause)
      terminal.err.write(`${current.stack}\n`);
  return exitCode;
}
