/** The part of a group that belongs to the registered thing it names: what the thing's schema knows, without the group's own keys. */
export function registeredOptions(
  group: Readonly<Record<string, unknown>>,
  configSchema: object,
): Record<string, unknown> {
  const { properties = {} } = configSchema as { properties?: Record<string, unknown> };
  return Object.fromEntries(
    Object.keys(properties).flatMap((key) => (group[key] === undefined ? [] : [[key, group[key]]])),
  );
}
