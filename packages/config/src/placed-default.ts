import type { DefaultElement } from "./repository.ts";

/**
 * An element of a defaults list in its place: which file it names, which package its content goes to, and how an override names it
 * (`hydra/core/default_element.py` of Hydra 1.3).
 */

/** An element with its place: the group and package of the config that lists it. */
export interface PlacedDefault {
  readonly group: string | undefined;
  value: string | null | readonly string[];
  readonly package: string | undefined;
  readonly optional: boolean;
  readonly override: boolean;
  readonly appended: boolean;
  readonly primary: boolean;
  readonly parentGroup: string;
  readonly parentPackage: string;
  header: string | undefined;
  skipped: boolean;
}

export function primaryOf(name: string): PlacedDefault {
  const element = { group: undefined, value: name, package: undefined, optional: false, override: false };
  return {
    ...element,
    appended: false,
    primary: true,
    parentGroup: "",
    parentPackage: "",
    header: undefined,
    skipped: false,
  };
}

export function placed(element: DefaultElement, parent: PlacedDefault, appended: boolean): PlacedDefault {
  const node: PlacedDefault = {
    ...element,
    appended,
    primary: false,
    parentGroup: groupPath(parent),
    parentPackage: finalPackage(parent),
    header: undefined,
    skipped: false,
  };
  if (!node.package?.includes("_group_")) return node;
  return { ...node, package: `_global_.${node.package.replace("_group_", groupPath(node).replaceAll("/", "."))}` };
}

/** The path of an element below its own list: the group, or the folder of a named config. */
function relativeGroup(node: PlacedDefault): string {
  const path = (node.group ?? (node.value as string)).replace(/^\//, "");
  if (node.group !== undefined) return path;
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function isAbsolute(node: PlacedDefault): boolean {
  return (node.group ?? (node.value as string)).startsWith("/");
}

export function groupPath(node: PlacedDefault): string {
  return isAbsolute(node) ? relativeGroup(node) : joined("/", node.parentGroup, relativeGroup(node));
}

export function nameOf(node: PlacedDefault): string | null {
  if (typeof node.value !== "string") return null;
  return node.group === undefined ? node.value.slice(node.value.lastIndexOf("/") + 1) : node.value;
}

export function configPath(node: PlacedDefault): string {
  return joined("/", groupPath(node), nameOf(node) ?? "");
}

export function joined(separator: string, ...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(separator);
}

/** A `# @package` header is always absolute. */
export function absolutePackage(header: string | undefined): string | undefined {
  if (header === undefined || header === "_global_" || header.startsWith("_global_.")) return header;
  return `_global_.${header}`;
}

export function finalPackage(node: PlacedDefault, useHeader = true): string {
  const own = node.package ?? (useHeader ? node.header : undefined) ?? relativeGroup(node).replaceAll("/", ".");
  const full = joined(".", node.parentPackage, own);
  const global = full.lastIndexOf("_global_");
  return global === -1 ? full : full.slice(global + "_global_.".length);
}

/** How an override names this element: its group, with `@package` where that is not the usual one. */
export function overrideKey(node: PlacedDefault): string {
  const group = groupPath(node);
  const actual = finalPackage(node, false);
  return actual === group.replaceAll("/", ".") ? group : `${group}@${actual === "" ? "_global_" : actual}`;
}
