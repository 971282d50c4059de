import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./errors.ts";
import { type ConfigNode, describeOrigin, type MappingNode } from "./node.ts";
import { readYamlFile } from "./read-yaml.ts";

/** One element of a defaults list: `_self_`, `path`, `group: option`, with package and keywords. */
export interface DefaultElement {
  /** The group of `group: option`, `undefined` for a config named by its path. */
  readonly group: string | undefined;
  /** The option(s) of the group, or the path of a config; `null` is "no option". */
  readonly value: string | null | readonly string[];
  readonly package: string | undefined;
  readonly optional: boolean;
  readonly override: boolean;
}

/** A config file as the composition sees it: without its defaults list. */
export interface LoadedConfig {
  readonly file: string;
  readonly root: MappingNode;
  readonly defaults: readonly DefaultElement[];
  /** As after `# @package`. */
  readonly packageHeader: string | undefined;
}

/** The folders that configs are looked up in, first match wins, and the files read so far. */
export class ConfigRepository {
  readonly searchPath: readonly string[];
  readonly #pinned: ReadonlyMap<string, string>;
  readonly #loaded = new Map<string, LoadedConfig | undefined>();

  /**
   * @param pinned - the file of a name, whatever the folders say
   * @throws {ConfigError} `CONFIG_NOT_FOUND` if a folder is absent
   */
  constructor(searchPath: readonly string[], pinned: ReadonlyMap<string, string> = new Map()) {
    for (const folder of searchPath) {
      if (!isDirectory(folder))
        throw new ConfigError("CONFIG_NOT_FOUND", `${folder}: expected a folder of configuration files`);
    }
    this.searchPath = searchPath;
    this.#pinned = pinned;
  }

  /** Files read, in the order of reading. */
  get files(): readonly string[] {
    return [...this.#loaded.values()].flatMap((config) => (config === undefined ? [] : [config.file]));
  }

  /** @param name - for instance `model/gpt2`. @returns `undefined` if no folder has it */
  load(name: string): LoadedConfig | undefined {
    checkName(name);
    if (!this.#loaded.has(name)) {
      const file = this.find(name);
      this.#loaded.set(name, file === undefined ? undefined : readConfig(file));
    }
    return this.#loaded.get(name);
  }

  find(name: string): string | undefined {
    const pinned = this.#pinned.get(name);
    if (pinned !== undefined) return pinned;
    const base = name.endsWith(".yaml") ? name : `${name}.yaml`;
    const files = this.searchPath.map((folder) => join(folder, base));
    return files.find((file) => existsSync(file) && statSync(file).isFile());
  }

  isGroup(name: string): boolean {
    return !/(^|\/)\.\.?(\/|$)/.test(name) && this.searchPath.some((folder) => isDirectory(join(folder, name)));
  }

  /** The options of a group over all folders, sorted. */
  options(group: string): string[] {
    const names = this.searchPath
      .map((folder) => join(folder, group))
      .filter(isDirectory)
      .flatMap((folder) => readdirSync(folder))
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => name.slice(0, -".yaml".length));
    return [...new Set(names)].sort();
  }
}

function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** Names come from files and command lines; they must not lead out of the search path. */
function checkName(name: string): void {
  if (name.split("/").some((step) => step === ".." || step === "." || step === "") || /[\\\0]/.test(name)) {
    throw new ConfigError(
      "CONFIG_NOT_FOUND",
      `${JSON.stringify(name)}: expected a name inside the configuration folders`,
    );
  }
}

function readConfig(file: string): LoadedConfig {
  const { root, packageHeader } = readYamlFile(file);
  const mapping = asMapping(root, file);
  const list = mapping.entries.get("defaults");
  mapping.entries.delete("defaults");
  return { file, root: mapping, defaults: list === undefined ? [] : readDefaults(list, file), packageHeader };
}

function asMapping(root: ConfigNode, file: string): MappingNode {
  if (root.kind === "mapping") return root;
  if (root.kind === "scalar" && root.value === null)
    return { kind: "mapping", entries: new Map(), origin: root.origin };
  const got = root.kind === "sequence" ? "a list" : JSON.stringify(root.value);
  throw new ConfigError("CONFIG_YAML_INVALID", `${file}: expected a mapping of keys to values, got ${got}`);
}

function readDefaults(list: ConfigNode, file: string): DefaultElement[] {
  if (list.kind === "scalar" && list.value === null) return [];
  if (list.kind !== "sequence")
    throw invalid(list, `defaults: expected a list, got ${list.kind === "mapping" ? "a mapping" : list.value}`);
  const elements = list.items.map(readElement);
  if (elements.filter(isSelf).length > 1) throw invalid(list, `defaults: _self_ stands more than once in ${file}`);
  return elements;
}

export function isSelf(element: DefaultElement): boolean {
  return element.group === undefined && element.value === "_self_";
}

function readElement(node: ConfigNode): DefaultElement {
  if (node.kind === "scalar" && typeof node.value === "string") {
    const [path, packageName] = splitPackage(node.value);
    if (path === "_self_" && packageName !== undefined) throw invalid(node, "defaults: _self_ takes no package");
    return { group: undefined, value: path, package: packageName, optional: false, override: false };
  }
  if (node.kind !== "mapping" || node.entries.size !== 1) {
    throw invalid(node, "defaults: expected `name`, `group: option` or `group: [options]`, one per line");
  }
  const [key, option] = [...node.entries][0]!;
  const [words, packageName] = splitPackage(key);
  const keywords = words.trim().split(/\s+/);
  const group = keywords.pop()!;
  const unknown = keywords.find((word) => word !== "optional" && word !== "override");
  if (unknown !== undefined)
    throw invalid(node, `defaults: unknown keyword ${JSON.stringify(unknown)}; known: optional, override`);
  return {
    group,
    value: readOption(option, group),
    package: packageName,
    optional: keywords.includes("optional"),
    override: keywords.includes("override"),
  };
}

function readOption(node: ConfigNode, group: string): string | null | readonly string[] {
  if (node.kind === "scalar" && (node.value === null || typeof node.value === "string")) return node.value;
  if (node.kind === "sequence") {
    return node.items.map((item) => {
      if (item.kind === "scalar" && typeof item.value === "string") return item.value;
      throw invalid(item, `defaults: the options of ${group} must be names`);
    });
  }
  const got = node.kind === "scalar" ? JSON.stringify(node.value) : "a mapping";
  throw invalid(node, `defaults: expected the name of an option of ${group}, got ${got}`);
}

/** `group@package`; `_here_` is the package of the config that the list stands in. */
function splitPackage(text: string): [string, string | undefined] {
  const at = text.indexOf("@");
  if (at === -1) return [text, undefined];
  const packageName = text.slice(at + 1);
  return [text.slice(0, at), packageName === "_here_" ? "" : packageName];
}

function invalid(node: ConfigNode, message: string): ConfigError {
  return new ConfigError("CONFIG_DEFAULTS_INVALID", `${describeOrigin(node.origin)}: ${message}`);
}
