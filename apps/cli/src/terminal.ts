import { parse, sep } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** Where a command writes: results to `out`, everything said along the way to `err`. */
export interface Terminal {
  readonly out: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const processTerminal: Terminal = { out: process.stdout, err: process.stderr, env: process.env };

/** Colour on a terminal only, and never against the user's word (https://no-color.org). */
export function colourAllowed(terminal: Terminal): boolean {
  return colourAllowedOn(terminal.err, terminal);
}

/** The same for results, which may go to a file while messages go to a terminal. */
export function outputColourAllowed(terminal: Terminal): boolean {
  return colourAllowedOn(terminal.out, terminal);
}

function colourAllowedOn({ isTTY }: { readonly isTTY?: boolean }, { env }: Terminal): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"] && env["FORCE_COLOR"] !== "0") return true;
  return isTTY === true;
}

export function paint(terminal: Terminal, sgr: number, text: string): string {
  return colourAllowed(terminal) ? `\u001b[${sgr}m${text}\u001b[0m` : text;
}

/** The same in a result. */
export function paintResult(terminal: Terminal, sgr: number, text: string): string {
  return outputColourAllowed(terminal) ? `\u001b[${sgr}m${text}\u001b[0m` : text;
}

/** Text with the paths below the working directory written from there, as one would type them. */
export function shown(text: string, directory: string = process.cwd()): string {
  const prefix = directory.endsWith(sep) ? directory : `${directory}${sep}`;
  if (prefix === parse(prefix).root) return text;
  // Not where it is the tail of a longer path.
  const path = new RegExp(`(?<![\\w./\\\\-])${prefix.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`, "g");
  return text.replace(path, "");
}

/** Writes what a person must see, and a program that reads the results must not. */
export function warningsTo(terminal: Terminal): (message: string) => void {
  return (message) => void terminal.err.write(`${paint(terminal, 33, `warning: ${shown(message)}`)}\n`);
}

/** Columns of left-aligned text, as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, stripVTControlCharacters(cell).length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - stripVTControlCharacters(cell).length))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
