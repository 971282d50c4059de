import { isDeepStrictEqual } from "node:util";
import { ConfigError } from "./errors.ts";
import { mappingOf, mergeInto } from "./merge.ts";
import { nearest } from "./nearest.ts";
import {
  type ConfigNode,
  childOf,
  isMissing,
  type MappingNode,
  nodeAt,
  nodeOf,
  type Origin,
  plainValue,
} from "./node.ts";
import type { Override } from "./override.ts";

/**
 * Value overrides in the order given, with the rules of Hydra's struct mode: a plain `a.b=v` only changes what is there, `+` adds what
 * is absent (or null or `???`) and merges dictionaries, `++` does either, `~` removes. Changes `root`.
 *
 * @param options.struct - false: a plain `a.b=v` may set what is not there
 * @throws {ConfigError} `CONFIG_OVERRIDE_INVALID`, with the nearest key
 */
export function applyOverrides(
  root: MappingNode,
  overrides: readonly Override[],
  { struct }: { struct: boolean },
): void {
  for (const override of overrides) applyOverride(root, override, struct);
}

function applyOverride(root: MappingNode, override: Override, struct: boolean): void {
  if (override.package !== undefined) {
    throw refusal(
      override,
      `there is no group ${override.key}, and only a group takes a package (@${override.package})`,
    );
  }
  const path = override.key.split(".");
  const origin: Origin = { kind: "override", text: override.text };
  if (override.kind === "delete") {
    remove(root, path, override);
    return;
  }

  const node = nodeOf(override.value!, origin);
  const existing = nodeAt(root, path);
  if (override.kind === "change" && struct) {
    if (existing === undefined) throw unknownKey(root, path, override);
    if (node.kind === "mapping" && existing.kind === "mapping") checkKnown(existing, node, path, override);
  } else if (override.kind === "add" && existing !== undefined && !isUnset(existing) && node.kind === "scalar") {
    throw refusal(
      override,
      `${override.key} is already there`,
      `To change it write ${override.text.slice(1)}, to add or change +${override.text}.`,
    );
  }
  place(root, path, node, override);
}

/** OmegaConf's "no value": null and `???`. */
function isUnset(node: ConfigNode): boolean {
  return isMissing(node) || (node.kind === "scalar" && node.value === null);
}

/** Sets or merges; steps on the way that are no containers become mappings. */
function place(root: MappingNode, path: readonly string[], node: ConfigNode, override: Override): void {
  let parent: ConfigNode = root;
  for (const key of path.slice(0, -1)) {
    const next = childOf(parent, key);
    if (next !== undefined && next.kind !== "scalar") {
      parent = next;
      continue;
    }
    const created: MappingNode = mappingOf(node.origin);
    setChild(parent, key, created, override);
    parent = created;
  }
  const last = path.at(-1)!;
  const existing = childOf(parent, last);
  if (existing?.kind === "mapping" && node.kind === "mapping") mergeInto(existing, node);
  else setChild(parent, last, node, override);
}

function setChild(parent: ConfigNode, key: string, child: ConfigNode, override: Override): void {
  if (parent.kind === "mapping") parent.entries.set(key, child);
  else if (parent.kind === "sequence") {
    if (childOf(parent, key) === undefined) {
      throw refusal(
        override,
        `expected a place from 0 to ${parent.items.length - 1} in the list, got ${key}`,
        "Give the whole list.",
      );
    }
    parent.items[Number(key)] = child;
  }
}

function remove(root: MappingNode, path: readonly string[], override: Override): void {
  const existing = nodeAt(root, path);
  if (existing === undefined) throw unknownKey(root, path, override);
  if (isUnset(existing)) throw refusal(override, `${override.key} has no value that could be removed`);
  if (
    override.value !== undefined &&
    override.value !== null &&
    !isDeepStrictEqual(plainValue(existing), override.value)
  ) {
    throw refusal(override, `${override.key} is ${JSON.stringify(plainValue(existing))}, so it is not removed`);
  }
  const parent = nodeAt(root, path.slice(0, -1))!;
  if (parent.kind !== "mapping")
    throw refusal(override, "an element of a list cannot be removed", "Give the whole list.");
  parent.entries.delete(path.at(-1)!);
}

function checkKnown(existing: MappingNode, added: MappingNode, path: readonly string[], override: Override): void {
  for (const [key, child] of added.entries) {
    const known = existing.entries.get(key);
    if (known === undefined) throw unknownIn(existing, [...path, key], override);
    if (known.kind === "mapping" && child.kind === "mapping") checkKnown(known, child, [...path, key], override);
  }
}

function unknownKey(root: MappingNode, path: readonly string[], override: Override): ConfigError {
  let node: ConfigNode = root;
  for (const [index, key] of path.entries()) {
    const child = childOf(node, key);
    if (child === undefined) return unknownIn(node, path.slice(0, index + 1), override);
    node = child;
  }
  throw new Error("bug: the key exists");
}

function unknownIn(parent: ConfigNode, path: readonly string[], override: Override): ConfigError {
  const name = path.join(".");
  const siblings = parent.kind === "mapping" ? [...parent.entries.keys()] : [];
  const meant = nearest(path.at(-1)!, siblings);
  const suggestion = meant === undefined ? "" : `Did you mean ${[...path.slice(0, -1), meant].join(".")}? `;
  const add = override.kind === "change" ? `To add a new key write +${override.text}.` : "";
  const known = siblings.length === 0 ? "" : `; known there: ${siblings.join(", ")}`;
  return refusal(override, `the key ${name} does not exist${known}`, `${suggestion}${add}`.trim() || undefined);
}

function refusal(override: Override, reason: string, help?: string): ConfigError {
  return new ConfigError("CONFIG_OVERRIDE_INVALID", `override ${JSON.stringify(override.text)}: ${reason}`, { help });
}
