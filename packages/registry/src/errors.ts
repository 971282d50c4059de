/** What went wrong, for programs. The message says it to people. */
export type RegistryErrorCode =
  | "REGISTRY_NAME_INVALID" // a name that could not be typed in a configuration
  | "REGISTRY_ENTRY_INVALID" // not `{ create, configSchema }`
  | "REGISTRY_DUPLICATE" // the name is taken
  | "REGISTRY_UNKNOWN_NAME"
  | "REGISTRY_UNKNOWN_KIND"
  | "REGISTRY_MANIFEST_INVALID" // the `codex` field of a package.json
  | "REGISTRY_API_VERSION" // `codex.apiVersion` is missing, or is not one that this version speaks
  | "REGISTRY_TARGET_INVALID" // an entry point that is not `./file.js#export`, or leads out of its package
  | "REGISTRY_MODULE_MISSING" // the file that an entry point names is not there
  | "REGISTRY_MODULE_FAILED" // the module threw while it was loaded
  | "REGISTRY_EXPORT_MISSING"
  | "REGISTRY_PACKAGE_SHADOWED" // a second copy of a package that is already in use
  | "REGISTRY_PLUGIN_BROKEN"; // the name exists, its plugin does not work; `cause` has the reason

/** The one error class of this package: branch on `code`, show `message`, then `help`. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: RegistryErrorCode;
  /** What to do about it. */
  readonly help: string | undefined;

  constructor(code: RegistryErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
