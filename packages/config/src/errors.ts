/**
 * What kind of thing is wrong. All are the user's to mend: usage or configuration.
 * - `CONFIG_NOT_FOUND`: no such main file, group option or search folder
 * - `CONFIG_YAML_INVALID`: a file is not UTF-8, not YAML, too large, too deep, or has a key twice
 * - `CONFIG_KEY_FORBIDDEN`: a key that would reach a prototype (`__proto__`, `constructor`, `prototype`)
 * - `CONFIG_DEFAULTS_INVALID`: a defaults list that cannot be composed
 * - `CONFIG_OVERRIDE_INVALID`: an override that cannot be parsed or applied
 * - `CONFIG_INTERPOLATION_INVALID`: `${...}` that cannot be parsed or resolved
 * - `CONFIG_VALIDATION_FAILED`: unknown keys, missing values, wrong types (see `issues`)
 */
export type ConfigErrorCode =
  | "CONFIG_NOT_FOUND"
  | "CONFIG_YAML_INVALID"
  | "CONFIG_KEY_FORBIDDEN"
  | "CONFIG_DEFAULTS_INVALID"
  | "CONFIG_OVERRIDE_INVALID"
  | "CONFIG_INTERPOLATION_INVALID"
  | "CONFIG_VALIDATION_FAILED";

/** One thing that is wrong, as data. */
export interface ConfigIssue {
  /** Dotted path of the key, `""` for the whole configuration. */
  readonly path: string;
  /** One sentence with path, value and what was expected. */
  readonly message: string;
  /** `file:line:column`, or the override that set the value; absent where a value is missing altogether. */
  readonly origin?: string | undefined;
  readonly expected?: string | undefined;
  readonly value?: unknown;
  /** The key that was probably meant. */
  readonly nearest?: string | undefined;
}

export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: ConfigErrorCode;
  readonly help: string | undefined;
  /** Everything that is wrong, in the order of the configuration; at least one entry for errors of files and of validation. */
  readonly issues: readonly ConfigIssue[];

  constructor(
    code: ConfigErrorCode,
    message: string,
    options: ErrorOptions & { help?: string | undefined; issues?: readonly ConfigIssue[] } = {},
  ) {
    super(message, options);
    this.code = code;
    this.help = options.help;
    this.issues = options.issues ?? [];
  }
}

/** One error for many issues: the first line counts them, then one line each. */
export function errorOfIssues(code: ConfigErrorCode, what: string, issues: readonly ConfigIssue[]): ConfigError {
  const lines = issues.map((issue) =>
    issue.origin === undefined ? issue.message : `${issue.origin}: ${issue.message}`,
  );
  const [first] = lines;
  const message =
    lines.length === 1 ? first! : `${what}: ${lines.length} errors\n${lines.map((line) => `  ${line}`).join("\n")}`;
  return new ConfigError(code, message, { issues });
}
