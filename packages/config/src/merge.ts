import { type ConfigNode, cloneNode, isMissing, type MappingNode, type Origin } from "./node.ts";

/**
 * Merges `source` into `target` as OmegaConf does: mappings key by key, everything else is replaced whole (lists too). A `???` in
 * `source` leaves a value of `target` alone. `source` is copied, so it can be merged again.
 */
export function mergeInto(target: MappingNode, source: MappingNode): void {
  for (const [key, node] of source.entries) {
    const existing = target.entries.get(key);
    if (existing === undefined) target.entries.set(key, cloneNode(node));
    else if (isMissing(node)) continue;
    else if (existing.kind === "mapping" && node.kind === "mapping") mergeInto(existing, node);
    else target.entries.set(key, cloneNode(node));
  }
}

/** `content` under a dotted package; `""` is the root. */
export function embed(content: MappingNode, packageName: string): MappingNode {
  if (packageName === "") return content;
  return packageName
    .split(".")
    .reduceRight<MappingNode>((inner, key) => mappingOf(content.origin, [[key, inner]]), content);
}

export function mappingOf(origin: Origin, entries: Iterable<readonly [string, ConfigNode]> = []): MappingNode {
  return { kind: "mapping", entries: new Map(entries), origin };
}
