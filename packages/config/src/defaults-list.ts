import { ConfigError } from "./errors.ts";
import { nearest } from "./nearest.ts";
import type { Override } from "./override.ts";
import {
  absolutePackage,
  configPath,
  finalPackage,
  groupPath,
  joined,
  nameOf,
  overrideKey,
  type PlacedDefault,
  placed,
  primaryOf,
} from "./placed-default.ts";
import { type ConfigRepository, type DefaultElement, isSelf } from "./repository.ts";

/**
 * From a main config and overrides to the flat list of configs to merge, after `hydra/_internal/defaults_list.py` of Hydra 1.3
 * (without its own `hydra/config`). What differs: a main config without `# @package` belongs to the root package wherever its file
 * lies, a config that includes itself is an error instead of a stack overflow, and a main config whose list has only `override`
 * elements keeps its content when `+group=option` is given.
 *
 * Lists are walked from the end, so that a later element decides about an earlier one.
 */

/** A config and the package that its content goes to. */
export interface ResolvedDefault {
  readonly name: string;
  /** Dotted; `""` is the root. */
  readonly package: string;
}

export interface DefaultsList {
  readonly configs: readonly ResolvedDefault[];
  /** What was chosen in each group; `null` is "no option". */
  readonly choices: ReadonlyMap<string, string | null>;
  /** The overrides that are not about groups, in the order given. */
  readonly valueOverrides: readonly Override[];
}

interface Tree {
  readonly node: PlacedDefault;
  readonly parent: Tree | undefined;
  /** `"self"` stands for the content of the node. */
  children: (Tree | "self")[];
}

interface Choice {
  readonly value: string | readonly string[] | null;
  /** The config that says `override group: option`; `undefined` for the command line. */
  readonly from: string | undefined;
  used: boolean;
}

/** @throws {ConfigError} `CONFIG_NOT_FOUND`, `CONFIG_DEFAULTS_INVALID`, `CONFIG_OVERRIDE_INVALID`, and those of reading files */
export function resolveDefaults(
  repository: ConfigRepository,
  main: string,
  overrides: readonly Override[],
): DefaultsList {
  const choices = new Map<string, Choice>();
  const deletions = new Map<string, { option: string | undefined; used: boolean }>();
  const appended: Override[] = [];
  const valueOverrides: Override[] = [];
  const known = new Map<string, string | null>();

  for (const override of overrides) {
    const isDict = typeof override.value === "object" && override.value !== null && !Array.isArray(override.value);
    if (isDict || !repository.isGroup(override.key)) valueOverrides.push(override);
    else recordGroupOverride(override, { choices, deletions, appended });
  }

  const expand = (node: PlacedDefault, parent: Tree | undefined, interpolated: boolean): Tree => {
    const tree: Tree = { node, parent, children: [] };
    const missing = nameOf(node) === "???";
    const loaded = missing || nameOf(node) === null ? undefined : repository.load(configPath(node));
    node.header = absolutePackage(loaded?.packageHeader ?? (node.primary ? "_global_" : undefined));

    const deletion = node.group === undefined ? undefined : deletions.get(overrideKey(node));
    if (deletion !== undefined && (deletion.option === undefined || deletion.option === nameOf(node))) {
      deletion.used = true;
      node.skipped = true;
      return tree;
    }
    recordChoice(node, known);
    if (nameOf(node) === null) return tree;
    if (missing) throw mustChoose(node, repository);
    if (loaded === undefined) {
      if (!node.optional) throw notFound(tree, repository);
      node.skipped = true;
      return tree;
    }
    checkNotCircular(tree);

    const elements = withSelf(loaded.defaults, node.primary && appended.length > 0);
    const place = (element: DefaultElement, isAppended = false) => placed(element, node, isAppended);
    const children = elements.map((element) => (isSelf(element) ? "self" : place(element)));
    if (node.primary) children.push(...appended.map((override) => place(elementOf(override), true)));
    recordOverrides(children, node, interpolated, choices);

    // From the end; elements with ${...} wait until the choices of this list are known.
    const expanded: (Tree | "self" | PlacedDefault)[] = [];
    for (const child of children.reverse()) {
      if (child === "self") {
        expanded.push(child);
        continue;
      }
      if (child.override) continue;
      const choice = child.group === undefined ? undefined : choices.get(overrideKey(child));
      if (choice !== undefined) {
        child.value = choice.value;
        choice.used = true;
      }
      if (Array.isArray(child.value)) {
        for (const option of [...child.value].reverse()) {
          expanded.push(expand({ ...child, group: undefined, value: `${child.group}/${option}` }, tree, interpolated));
        }
      } else if (nameOf(child)?.includes("${")) expanded.push(child);
      else expanded.push(expand(child, tree, interpolated));
    }
    tree.children = expanded.map((child) => {
      if (child === "self" || "children" in child) return child;
      child.value = interpolate(child, known);
      return expand(child, tree, true);
    });
    tree.children.reverse();
    return tree;
  };

  const root = expand(primaryOf(main), undefined, false);
  checkAllUsed(choices, deletions, known);
  return { configs: flatten(root), choices: known, valueOverrides };
}

function recordGroupOverride(
  override: Override,
  into: {
    choices: Map<string, Choice>;
    deletions: Map<string, { option: string | undefined; used: boolean }>;
    appended: Override[];
  },
): void {
  const key = override.package === undefined ? override.key : `${override.key}@${override.package}`;
  const { value } = override;
  const isOption =
    typeof value === "string" || (Array.isArray(value) && value.every((item) => typeof item === "string"));
  const shape = (expected: string) =>
    new ConfigError(
      "CONFIG_OVERRIDE_INVALID",
      `override ${JSON.stringify(override.text)}: ${override.key} is a group; expected ${expected}, got ${JSON.stringify(value)}`,
      { help: `To leave the group out write ~${key}.` },
    );
  if (override.kind === "forceAdd") {
    throw new ConfigError(
      "CONFIG_OVERRIDE_INVALID",
      `override ${JSON.stringify(override.text)}: ++ does not work on groups`,
      {
        help: `Write ${override.key}=... or +${override.key}=...`,
      },
    );
  }
  if (override.kind === "delete") {
    if (value !== undefined && value !== null && typeof value !== "string") throw shape("the name of an option");
    into.deletions.set(key, { option: value ?? undefined, used: false });
  } else if (!isOption) throw shape("the name of an option, or a list of names");
  else if (override.kind === "add") into.appended.push(override);
  else into.choices.set(key, { value: value as string | string[], from: undefined, used: false });
}

function elementOf(override: Override): DefaultElement {
  const packageName = override.package === "_here_" ? "" : override.package;
  const value = override.value as string | readonly string[];
  return { group: override.key, value, package: packageName, optional: false, override: false };
}

/** A list without `_self_` has it at its end: the config's own content wins over its defaults. */
function withSelf(defaults: readonly DefaultElement[], hasAppended: boolean): DefaultElement[] {
  const needed = !defaults.some(isSelf) && (defaults.some((element) => !element.override) || hasAppended);
  const self = { group: undefined, value: "_self_", package: undefined, optional: false, override: false };
  return needed ? [...defaults, self] : [...defaults];
}

function recordChoice(node: PlacedDefault, known: Map<string, string | null>): void {
  if (node.group === undefined) return;
  const key = overrideKey(node);
  const before = known.get(key);
  if (before !== undefined && before !== nameOf(node)) {
    throw new ConfigError(
      "CONFIG_DEFAULTS_INVALID",
      `the group ${key} is chosen twice: ${before} and ${nameOf(node)}`,
      {
        help: `To change a choice write "override ${key}: ${before}" in the defaults list.`,
      },
    );
  }
  known.set(key, nameOf(node));
}

function recordOverrides(
  children: readonly (PlacedDefault | "self")[],
  parent: PlacedDefault,
  interpolated: boolean,
  choices: Map<string, Choice>,
): void {
  let last: PlacedDefault | undefined;
  for (const child of children) {
    if (child === "self") continue;
    if (last !== undefined && !child.override && !child.appended) {
      throw new ConfigError(
        "CONFIG_DEFAULTS_INVALID",
        `${configPath(parent)}: "override ${overrideKey(last)}" stands before ${configPath(child)}; overrides must be at the end of a defaults list`,
      );
    }
    if (!child.override) continue;
    last = child;
    if (interpolated) {
      throw new ConfigError(
        "CONFIG_DEFAULTS_INVALID",
        `${configPath(parent)}: a config chosen by an interpolation may not override groups`,
      );
    }
    const key = overrideKey(child);
    if (!choices.has(key)) choices.set(key, { value: child.value, from: configPath(parent), used: false });
  }
}

function interpolate(node: PlacedDefault, known: ReadonlyMap<string, string | null>): string {
  return (node.value as string).replace(/\$\{([^}]*)\}/g, (whole, key: string) => {
    const choice = known.get(key.trim());
    if (typeof choice === "string") return choice;
    throw new ConfigError(
      "CONFIG_DEFAULTS_INVALID",
      `defaults: cannot resolve ${whole}; known choices: ${[...known.keys()].join(", ")}`,
    );
  });
}

function checkNotCircular(tree: Tree): void {
  const name = configPath(tree.node);
  for (let ancestor = tree.parent; ancestor !== undefined; ancestor = ancestor.parent) {
    if (configPath(ancestor.node) === name) {
      throw new ConfigError("CONFIG_DEFAULTS_INVALID", `${name}: its defaults list includes itself`);
    }
  }
}

function checkAllUsed(
  choices: ReadonlyMap<string, Choice>,
  deletions: ReadonlyMap<string, { option: string | undefined; used: boolean }>,
  known: ReadonlyMap<string, string | null>,
): void {
  for (const [key, choice] of choices) {
    if (choice.used) continue;
    const group = key.split("@")[0]!;
    const similar = [...known.keys()].filter((other) => other.split("@")[0] === group);
    const meant = similar.length > 0 ? similar.join(", ") : nearest(key, known.keys());
    const where = choice.from === undefined ? `override ${key}=${String(choice.value)}` : choice.from;
    throw new ConfigError(
      "CONFIG_OVERRIDE_INVALID",
      `${where}: no element of a defaults list chooses the group ${key}`,
      {
        help: `${meant === undefined ? "" : `Did you mean ${meant}? `}To add the group write +${key}=${String(choice.value)}.`,
      },
    );
  }
  for (const [key, deletion] of deletions) {
    if (deletion.used) continue;
    const what = deletion.option === undefined ? key : `${key}=${deletion.option}`;
    throw new ConfigError("CONFIG_OVERRIDE_INVALID", `override ~${what}: no element of a defaults list chooses it`, {
      help: `Chosen: ${[...known].map(([group, option]) => `${group}=${option}`).join(", ") || "nothing"}.`,
    });
  }
}

function mustChoose(node: PlacedDefault, repository: ConfigRepository): ConfigError {
  const key = overrideKey(node);
  return new ConfigError("CONFIG_DEFAULTS_INVALID", `the group ${key} has no default: choose with ${key}=OPTION`, {
    help: `Options: ${repository.options(groupPath(node)).join(", ") || "none"}.`,
  });
}

function notFound(tree: Tree, repository: ConfigRepository): ConfigError {
  const { node, parent } = tree;
  const where = parent === undefined ? "" : `${configPath(parent.node)}: `;
  const group = groupPath(node);
  const options = repository.options(group);
  const meant = nearest(nameOf(node) ?? "", options);
  return new ConfigError(
    "CONFIG_NOT_FOUND",
    `${where}expected ${configPath(node)}.yaml in ${repository.searchPath.join(" or ")}, found no such file`,
    {
      help: `${meant === undefined ? "" : `Did you mean ${joined("/", group, meant)}? `}There is: ${options.join(", ") || "nothing"}.`,
    },
  );
}

function flatten(root: Tree): ResolvedDefault[] {
  const configs: ResolvedDefault[] = [];
  const keys = new Set<string>();
  const visit = (tree: Tree) => {
    const { node } = tree;
    if (node.skipped || nameOf(node) === null) return;
    if (node.group !== undefined && tree.children.length === 0) {
      const key = overrideKey(node);
      if (keys.has(key))
        throw new ConfigError("CONFIG_DEFAULTS_INVALID", `the group ${key} appears twice in the final defaults list`);
      keys.add(key);
    }
    if (tree.children.length === 0) configs.push({ name: configPath(node), package: finalPackage(node) });
    for (const child of tree.children) {
      if (child === "self") configs.push({ name: configPath(node), package: finalPackage(node) });
      else visit(child);
    }
  };
  visit(root);
  return configs;
}
