import { ConfigError } from "./errors.ts";

/**
 * The tree that files and overrides are composed in. It keeps for each node where it came from, and its mappings are `Map`s, so no
 * key can reach a prototype while composing.
 */

export type ConfigScalar = string | number | boolean | null;

/** A plain configuration value. */
export type ConfigValue = ConfigScalar | readonly ConfigValue[] | ConfigObject;

/** A plain configuration object; its keys are never `__proto__`, `constructor` or `prototype`. */
export interface ConfigObject {
  readonly [key: string]: ConfigValue;
}

/** Where a value was written. Lines and columns count from 1. */
export type Origin =
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: "override"; readonly text: string };

export interface ScalarNode {
  readonly kind: "scalar";
  readonly value: ConfigScalar;
  readonly origin: Origin;
}

export interface SequenceNode {
  readonly kind: "sequence";
  readonly items: ConfigNode[];
  readonly origin: Origin;
}

export interface MappingNode {
  readonly kind: "mapping";
  readonly entries: Map<string, ConfigNode>;
  readonly origin: Origin;
}

export type ConfigNode = ScalarNode | SequenceNode | MappingNode;

/** The steps from the root to a node; list places are decimal numbers. */
export type ConfigPath = readonly string[];

/** A value that somebody has to give: OmegaConf's mandatory marker. */
export const MISSING = "???";

const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** A key that would reach a prototype. */
export function isForbiddenKey(key: string): boolean {
  return FORBIDDEN_KEYS.has(key);
}

/** @throws {ConfigError} `CONFIG_KEY_FORBIDDEN` for a key that would reach a prototype */
export function checkKey(key: string, origin: Origin): string {
  if (isForbiddenKey(key)) {
    throw new ConfigError(
      "CONFIG_KEY_FORBIDDEN",
      `${describeOrigin(origin)}: the key ${JSON.stringify(key)} is not allowed`,
      {
        help: "It names a part of every JavaScript object. Use another name.",
      },
    );
  }
  return key;
}

/** `file:line:column`, or the override as it was typed. */
export function describeOrigin(origin: Origin): string {
  return origin.kind === "file" ? `${origin.file}:${origin.line}:${origin.column}` : `override ${origin.text}`;
}

/** `["a", "b.c", "0"]` as people read it: `a[b.c].0`. */
export function describePath(path: ConfigPath): string {
  let text = "";
  for (const step of path) {
    if (/[.[\]]/.test(step) || step === "") text += `[${step}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** `a.b[c].d` or `a.b` as steps; `undefined` if brackets do not match or a step is empty. */
export function parsePath(text: string): string[] | undefined {
  const steps: string[] = [];
  const step = /(?:^|\.)([^.[\]]+)|\[([^[\]]*)\]/y;
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (match === null) return undefined;
    steps.push(match[1] ?? match[2]!);
  }
  return steps;
}

export function childOf(node: ConfigNode, key: string): ConfigNode | undefined {
  if (node.kind === "mapping") return node.entries.get(key);
  if (node.kind === "sequence" && /^(0|[1-9]\d*)$/.test(key)) return node.items[Number(key)];
  return undefined;
}

export function nodeAt(root: ConfigNode, path: ConfigPath): ConfigNode | undefined {
  let node: ConfigNode | undefined = root;
  for (const key of path) {
    if (node === undefined) return undefined;
    node = childOf(node, key);
  }
  return node;
}

export function isMissing(node: ConfigNode): boolean {
  return node.kind === "scalar" && node.value === MISSING;
}

export function cloneNode(node: ConfigNode): ConfigNode {
  if (node.kind === "scalar") return node;
  if (node.kind === "sequence") return { ...node, items: node.items.map(cloneNode) };
  const entries = new Map<string, ConfigNode>();
  for (const [key, child] of node.entries) entries.set(key, cloneNode(child));
  return { ...node, entries };
}

/** A node for a plain value, every part with the same origin. @throws {ConfigError} `CONFIG_KEY_FORBIDDEN` */
export function nodeOf(value: ConfigValue, origin: Origin): ConfigNode {
  if (Array.isArray(value)) return { kind: "sequence", items: value.map((item) => nodeOf(item, origin)), origin };
  if (typeof value === "object" && value !== null) {
    const entries = new Map<string, ConfigNode>();
    for (const [key, child] of Object.entries(value)) entries.set(checkKey(key, origin), nodeOf(child, origin));
    return { kind: "mapping", entries, origin };
  }
  return { kind: "scalar", value: value as ConfigScalar, origin };
}

/** The plain value of a node, interpolations as they are written. */
export function plainValue(node: ConfigNode): ConfigValue {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "sequence") return node.items.map(plainValue);
  const object: Record<string, ConfigValue> = {};
  for (const [key, child] of node.entries) object[key] = plainValue(child);
  return object;
}
