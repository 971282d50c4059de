/** A nested value as dotted keys, for comparing two configurations: `{ a: { b: [1] } }` gives `a.b -> [1]`. Lists are compared whole. */
export function flatten(value: unknown, prefix = ""): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  if (typeof value !== "object" || value === null || Array.isArray(value)) return flat.set(prefix, value);
  for (const [key, inner] of Object.entries(value)) {
    for (const [path, leaf] of flatten(inner, prefix === "" ? key : `${prefix}.${key}`)) flat.set(path, leaf);
  }
  return flat;
}
