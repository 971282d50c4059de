import { existsSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { applyOverrides } from "./apply-overrides.ts";
import { resolveDefaults } from "./defaults-list.ts";
import { ConfigError } from "./errors.ts";
import { type Environment, hasInterpolation, resolveInterpolations } from "./interpolation.ts";
import { embed, mappingOf, mergeInto } from "./merge.ts";
import { nearest } from "./nearest.ts";
import {
  type ConfigNode,
  type ConfigObject,
  childOf,
  describeOrigin,
  describePath,
  isMissing,
  type MappingNode,
  parsePath,
} from "./node.ts";
import { formatOverrideValue, type Override, parseOverride } from "./override.ts";
import { ConfigRepository } from "./repository.ts";

export interface ComposeOptions {
  /** The main config: a name in the search path (`config`, `recipes/quickstart`), or the path of a `.yaml` file. */
  readonly config: string;
  /** Folders that configs and groups are looked up in; the first that has a file wins, so the user's come before the shipped one. */
  readonly searchPath: readonly string[];
  /** As typed: `model=gpt2`, `training.maxSteps=100`, `+a.b=1`, `~tracking`. */
  readonly overrides?: readonly string[];
  /** What `${oc.env:NAME}` reads. Default: `process.env`. */
  readonly environment?: Environment;
  /**
   * As OmegaConf's struct flag: with true, the default, a plain `a.b=v` must name a key that the files have. With false it may set
   * any key, for callers whose schema says afterwards which ones there are.
   */
  readonly struct?: boolean;
  /** The main config that a file in a group folder is composed with. Default: `config`. */
  readonly rootConfig?: string;
}

export interface ComposedConfig {
  /** Merged, overridden, interpolated; plain data. Not validated, and `???` where nobody gave a value. */
  readonly value: ConfigObject;
  /** Where the value at a dotted path was written: `file:line:column`, or `override a.b=v`. `undefined` for a path without a value. */
  origin(path: string): string | undefined;
  /** The chosen option of each group; `null` is "no option". */
  readonly choices: Readonly<Record<string, string | null>>;
  /** Dotted paths that still are `???`. */
  readonly missing: readonly string[];
  /** The overrides in force, as typed; the first is the choice that a main config inside a group folder stands for. */
  readonly overrides: readonly string[];
  /** Every file read. */
  readonly files: readonly string[];
}

/**
 * Composes a configuration with the semantics of Hydra 1.3 and OmegaConf 2.3: the defaults list of the main config, then the overrides, then
 * interpolation.
 *
 * A file path outside the search path adds its own folder in front of it. A file (or name) `<group>/<option>` whose group the
 * root config's defaults list chooses, such as `configs/training/base.yaml`, stands for that root config with `group=option`.
 *
 * @throws {ConfigError} every code but `CONFIG_VALIDATION_FAILED`
 */
export function composeConfig(options: ComposeOptions): ComposedConfig {
  const { environment = process.env, rootConfig = "config", struct = true } = options;
  const main = locateMain(options.config, options.searchPath);
  const repository = new ConfigRepository(main.searchPath, main.pinned);
  const given = (options.overrides ?? []).map(parseOverride);
  const choice = optionOfRoot(repository, main.name, rootConfig);
  const overrides = choice === undefined ? given : [choice, ...given];

  const defaults = resolveDefaults(repository, choice === undefined ? main.name : rootConfig, overrides);
  const root: MappingNode = mappingOf({ kind: "file", file: repository.files[0]!, line: 1, column: 1 });
  for (const config of defaults.configs) mergeInto(root, embed(repository.load(config.name)!.root, config.package));
  applyOverrides(root, defaults.valueOverrides, { struct });

  return {
    value: resolveInterpolations(root, environment) as ConfigObject,
    origin: (path) => originOf(root, path),
    choices: Object.fromEntries([...defaults.choices].reverse()), // lists are walked from the end
    missing: missingPaths(root),
    overrides: overrides.map((override) => override.text),
    files: repository.files,
  };
}

interface Main {
  readonly name: string;
  readonly searchPath: readonly string[];
  /** The main file itself, where a folder earlier in the search path has one of the same name. */
  readonly pinned: ReadonlyMap<string, string>;
}

function locateMain(config: string, searchPath: readonly string[]): Main {
  const isFile = existsSync(config) && statSync(config).isFile();
  if (!isFile || !config.endsWith(".yaml")) {
    const name = config.replace(/\.yaml$/, "");
    const repository = new ConfigRepository(searchPath);
    if (!isAbsolute(name) && !name.startsWith(".") && repository.find(name) !== undefined) {
      return { name, searchPath, pinned: new Map() };
    }
    const expected = `a file whose name ends in .yaml, or the name of a config in ${searchPath.join(" or ")}`;
    const meant = nearest(name, repository.options(""));
    throw new ConfigError(
      "CONFIG_NOT_FOUND",
      `${config}: expected ${expected}${isFile ? ", got a file of another name" : ""}`,
      {
        help: meant === undefined ? undefined : `Did you mean ${meant}?`,
      },
    );
  }
  for (const folder of searchPath) {
    const inside = relative(resolve(folder), resolve(config));
    if (inside.startsWith("..") || isAbsolute(inside)) continue;
    const name = inside
      .split(sep)
      .join("/")
      .replace(/\.yaml$/, "");
    return { name, searchPath, pinned: new Map([[name, config]]) };
  }
  const name = basename(config, ".yaml");
  return { name, searchPath: [dirname(config), ...searchPath], pinned: new Map() };
}

/** The choice that a config inside a group folder stands for; `undefined` if it is a main config of its own. */
function optionOfRoot(repository: ConfigRepository, name: string, rootConfig: string): Override | undefined {
  const slash = name.lastIndexOf("/");
  if (slash === -1 || repository.find(rootConfig) === undefined) return undefined;
  const group = name.slice(0, slash);
  const element = repository
    .load(rootConfig)!
    .defaults.find((candidate) => !candidate.override && candidate.group?.replace(/^\//, "") === group);
  if (element === undefined) return undefined;
  const key = element.package === undefined ? group : `${group}@${element.package || "_global_"}`;
  return parseOverride(`${key}=${formatOverrideValue(name.slice(slash + 1))}`);
}

function originOf(root: MappingNode, path: string): string | undefined {
  let node: ConfigNode = root;
  const steps = parsePath(path);
  if (steps === undefined) return undefined;
  for (const key of steps) {
    const child = childOf(node, key);
    // Inside what an interpolation brought in, the origin is that of the interpolation.
    if (child === undefined) return isInterpolated(node) ? describeOrigin(node.origin) : undefined;
    node = child;
  }
  return describeOrigin(node.origin);
}

function isInterpolated(node: ConfigNode): boolean {
  return node.kind === "scalar" && typeof node.value === "string" && hasInterpolation(node.value);
}

function missingPaths(root: ConfigNode): string[] {
  const paths: string[] = [];
  const visit = (node: ConfigNode, path: readonly string[]) => {
    if (isMissing(node)) paths.push(describePath(path));
    else if (node.kind === "mapping") for (const [key, child] of node.entries) visit(child, [...path, key]);
    else if (node.kind === "sequence")
      for (const [index, child] of node.items.entries()) visit(child, [...path, String(index)]);
  };
  visit(root, []);
  return paths;
}
