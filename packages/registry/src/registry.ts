import { RegistryError } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";

/**
 * What is registered under a name: a function that makes the thing, and the JSON Schema of the function's first
 * argument (a TypeBox schema is one). The schema becomes part of the configuration's validation, so that the options
 * of a plugin are checked like built-in ones.
 */
export interface RegistryEntry<Create extends (...args: never[]) => unknown = (...args: never[]) => unknown> {
  readonly create: Create;
  readonly configSchema: object;
}

/**
 * Maps a kind to the type of its entries. It is empty here: the package that owns a kind adds it by declaration merging.
 *
 * ```ts
 * declare module "@codex/registry" {
 *   interface RegistryKinds { metrics: RegistryEntry<(options: never) => Metric> }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging.
export interface RegistryKinds {}

export type RegistryKind = keyof RegistryKinds & string;

export type EntryOf<Kind extends RegistryKind> = RegistryKinds[Kind] extends RegistryEntry
  ? RegistryKinds[Kind]
  : never;

/** Where an entry comes from, as shown to people: `@codex/models@0.1.0` or `my-script.ts`. */
export interface RegisterOptions {
  readonly source: string;
  /** Take the name even if it is in use. Off by default: two packages that claim one name are an error. */
  readonly override?: boolean;
}

export interface RegisteredName {
  /** As it was registered; looked up without regard to case. */
  readonly name: string;
  readonly source: string;
}

/** Named entries of one kind. Names are compared without regard to case and always listed in the same order. */
export interface Registry<Entry extends RegistryEntry = RegistryEntry> {
  readonly kind: string;
  /** @throws {RegistryError} `REGISTRY_DUPLICATE` (names both sources), `REGISTRY_NAME_INVALID`, `REGISTRY_ENTRY_INVALID` */
  register(name: string, entry: Entry, options: RegisterOptions): void;
  /** Registers a name whose entry is loaded by the first `resolve` (and by no other call). The outcome is kept. */
  registerLazy(name: string, load: () => Promise<Entry>, options: RegisterOptions): void;
  has(name: string): boolean;
  /** Sorted by lower-cased name, by code unit: the same on every machine, whatever was registered first. */
  names(): string[];
  list(): RegisteredName[];
  /**
   * @throws {RegistryError} `REGISTRY_UNKNOWN_NAME` (lists what there is, and the nearest); what the load of a lazy
   * entry threw, `REGISTRY_PLUGIN_BROKEN` for one that came from a plugin
   */
  resolve(name: string): Promise<Entry>;
}

/** One registry per kind. */
export interface Registries {
  /** Sorted. */
  readonly kinds: readonly string[];
  /** @throws {RegistryError} `REGISTRY_UNKNOWN_KIND` */
  of<Kind extends RegistryKind>(kind: Kind): Registry<EntryOf<Kind>>;
  /** For a kind that comes from data (a manifest, a command line). @throws {RegistryError} `REGISTRY_UNKNOWN_KIND` */
  byName(kind: string): Registry;
}

/**
 * Makes empty registries. Nothing is global: two calls share nothing, so that tests and servers cannot disturb each other.
 *
 * @param options.kinds - the kinds there are; a plugin that declares another one is reported.
 */
export function createRegistries(options: { kinds: readonly string[] }): Registries {
  const registries = new Map<string, Registry>();
  for (const kind of [...options.kinds].sort()) registries.set(kind, new NamedEntries(kind));
  const kinds = [...registries.keys()];
  const byName = (kind: string): Registry => {
    const registry = registries.get(kind);
    if (registry !== undefined) return registry;
    const nearest = nearestName(kind, kinds);
    throw new RegistryError("REGISTRY_UNKNOWN_KIND", `unknown kind "${kind}"; there are: ${kinds.join(", ")}`, {
      ...(nearest === undefined ? {} : { help: `Did you mean "${nearest}"?` }),
    });
  };
  // The map holds what `register` let in under that kind, which TypeScript checked there.
  return { kinds, of: (kind) => byName(kind) as unknown as never, byName };
}

/** Letters, digits, `.`, `_`, `-`; starts with a letter or digit: can be typed in YAML and on a command line unquoted. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

interface Slot extends RegisteredName {
  readonly load: () => Promise<RegistryEntry>;
  loaded?: Promise<RegistryEntry>;
}

class NamedEntries implements Registry {
  readonly kind: string;
  readonly #slots = new Map<string, Slot>();

  constructor(kind: string) {
    this.kind = kind;
  }

  register(name: string, entry: RegistryEntry, options: RegisterOptions): void {
    assertEntry(entry, `${this.kind} "${name}" of ${options.source}`);
    this.registerLazy(name, async () => entry, options);
  }

  registerLazy(name: string, load: () => Promise<RegistryEntry>, options: RegisterOptions): void {
    if (!NAME.test(name)) {
      throw new RegistryError(
        "REGISTRY_NAME_INVALID",
        `${this.kind} of ${options.source}: a name is made of letters, digits, ".", "_" and "-" and starts with a letter or digit, got ${JSON.stringify(name)}`,
      );
    }
    const taken = this.#slots.get(name.toLowerCase());
    if (taken !== undefined && options.override !== true) {
      throw new RegistryError(
        "REGISTRY_DUPLICATE",
        `${this.kind} "${name}" of ${options.source} is already registered${taken.name === name ? "" : ` as "${taken.name}"`} by ${taken.source}`,
        { help: "Rename one of the two, remove one of the packages, or register with { override: true }." },
      );
    }
    this.#slots.set(name.toLowerCase(), { name, source: options.source, load });
  }

  has(name: string): boolean {
    return this.#slots.has(name.toLowerCase());
  }

  names(): string[] {
    return this.list().map((slot) => slot.name);
  }

  list(): RegisteredName[] {
    return [...this.#slots.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { name, source }]) => ({ name, source }));
  }

  async resolve(name: string): Promise<RegistryEntry> {
    const slot = this.#slots.get(name.toLowerCase());
    if (slot === undefined) throw unknownName(this.kind, name, this.names());
    slot.loaded ??= slot.load();
    return slot.loaded;
  }
}

/** @throws {RegistryError} `REGISTRY_ENTRY_INVALID`, starting with `where`. */
export function assertEntry(value: unknown, where: string): asserts value is RegistryEntry {
  const { create, configSchema } = (typeof value === "object" && value !== null ? value : {}) as Partial<RegistryEntry>;
  const problem =
    typeof create !== "function"
      ? `create is ${describe(create)}, not a function`
      : typeof configSchema !== "object" || configSchema === null || Array.isArray(configSchema)
        ? `configSchema is ${describe(configSchema)}, not a JSON Schema object`
        : undefined;
  if (problem === undefined) return;
  throw new RegistryError(
    "REGISTRY_ENTRY_INVALID",
    `${where}: expected an entry { create, configSchema }, got ${describe(value)}: ${problem}`,
  );
}

/** The error for a name that is not there; `kind` is a kind, or a word for several of them. */
export function unknownName(kind: string, name: string, known: readonly string[]): RegistryError {
  const nearest = nearestName(name, known);
  return new RegistryError(
    "REGISTRY_UNKNOWN_NAME",
    `unknown name "${name}" in ${kind}; there ${known.length === 0 ? "are none" : `are: ${known.join(", ")}`}`,
    {
      help:
        nearest === undefined
          ? "A plugin's names appear when its package is installed and listed in the dependencies of your package.json."
          : `Did you mean "${nearest}"?`,
    },
  );
}

function describe(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}
