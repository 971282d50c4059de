import { type Command, Option } from "commander";

export interface SharedOptions {
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** `--json` and `--debug`, which every command takes. */
export function withSharedOptions(command: Command): Command {
  return command
    .option("--json", "write JSON for programs instead of text for people")
    .option("--debug", "show the stack of an error and its causes");
}

/** `--device`, for a model that is there; a configuration says its own. */
export function deviceOption(): Option {
  const names = ["auto", "engine", "tensorflow", "wasm", "cpu"];
  return new Option("--device <name>", "where to compute").choices(names).default("auto");
}

/** Reads a whole number that is at least `minimum`; commander reports what is thrown here as a usage error. */
export function wholeNumber(name: string, minimum = 0): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < minimum) {
      throw new UsageError(`${name}: expected a whole number of at least ${minimum}, got "${text}"`);
    }
    return value;
  };
}

export function decimal(name: string, minimum: number, maximum = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= minimum && value <= maximum)) {
      const range = maximum === Number.POSITIVE_INFINITY ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
      throw new UsageError(`${name}: expected a number ${range}, got "${text}"`);
    }
    return value;
  };
}

/** A command line that makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "CONFIG_USAGE";
}
