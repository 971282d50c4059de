import { redactText } from "./redact-text.ts";
import { isSecretName } from "./secret-names.ts";

/** What replaces a value that is secret by its name. */
export const REDACTED = "[REDACTED]";

/** Deeper values are cut off: it is a log entry, and recursion has an end. */
const MAX_DEPTH = 64;

/**
 * A copy of a value that can be logged as JSON: strings without secrets of known shapes, and under a secret name
 * (`password`, `HF_TOKEN`) no value at all. Errors become `{ name, message, code, stack, cause }`, maps become objects,
 * sets become arrays, bigints become strings, and what has a `toJSON` is what that gives. A reference to an ancestor
 * becomes `[Circular]`. Never throws, never changes its argument.
 */
export function redactValue(value: unknown): unknown {
  return copy(value, new Set());
}

/**
 * Environment variables without secrets: a value goes if the name is a secret one, and known shapes go from all others.
 *
 * @param options.names - more names whose values are secret
 */
export function redactEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  options: { names?: readonly string[] } = {},
): Record<string, string> {
  const redacted: [string, string][] = [];
  for (const name of Object.keys(environment).sort()) {
    const value = environment[name];
    if (value === undefined) continue;
    const secret = isSecretName(name) || options.names?.includes(name) === true;
    redacted.push([name, secret && value !== "" ? REDACTED : redactText(value)]);
  }
  return Object.fromEntries(redacted);
}

/**
 * The words of a command line without secrets: what follows `--hf-token` or `db.password=` goes, and so do known shapes.
 */
export function redactArguments(words: readonly string[]): string[] {
  return words.map((word, index) => {
    const before = words[index - 1];
    if (before?.startsWith("-") && !before.includes("=") && !word.startsWith("-") && isSecretName(before))
      return REDACTED;
    const equals = word.indexOf("=");
    if (equals > 0 && equals < word.length - 1 && isSecretName(word.slice(0, equals))) {
      return `${word.slice(0, equals + 1)}${REDACTED}`;
    }
    return redactText(word);
  });
}

function copy(value: unknown, ancestors: Set<object>): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (ancestors.has(value)) return "[Circular]";
  if (ancestors.size >= MAX_DEPTH) return "[Too deep]";
  ancestors.add(value);
  try {
    return copyObject(value, ancestors);
  } catch {
    return "[Unreadable]"; // a getter or a toJSON threw: the rest of the entry is still worth logging
  } finally {
    ancestors.delete(value);
  }
}

function copyObject(value: object, ancestors: Set<object>): unknown {
  if ("toJSON" in value && typeof value.toJSON === "function") return copy(value.toJSON(), ancestors);
  if (Array.isArray(value)) return value.map((item) => copy(item, ancestors));
  if (ArrayBuffer.isView(value)) return `[${value.constructor.name} of ${value.byteLength} bytes]`;
  if (value instanceof Set) return [...value].map((item) => copy(item, ancestors));
  if (value instanceof Map)
    return copyEntries(
      [...value].map(([key, item]) => [String(key), item]),
      ancestors,
    );
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const own = [...Object.entries({ name, message, stack, cause }), ...Object.entries(value)];
    return copyEntries(
      own.filter(([, item]) => item !== undefined),
      ancestors,
    );
  }
  return copyEntries(Object.entries(value), ancestors);
}

function copyEntries(entries: [string, unknown][], ancestors: Set<object>): Record<string, unknown> {
  // fromEntries defines own properties: a key "__proto__" stays a key.
  return Object.fromEntries(
    entries.map(([key, item]) => {
      const { text, secret } = lookUpName(key);
      return [text, secret && tells(item) ? REDACTED : copy(item, ancestors)];
    }),
  );
}

/** Booleans, null and empty strings tell nothing; `password: true` says that one is set. */
function tells(value: unknown): boolean {
  return value !== null && value !== undefined && value !== "" && typeof value !== "boolean";
}

interface KnownName {
  /** The name without secrets. */
  readonly text: string;
  /** Whether what stands under it is one. */
  readonly secret: boolean;
}

/** Logs use the same few names again and again. */
const knownNames = new Map<string, KnownName>();
const MAX_KNOWN_NAMES = 1000;
const MAX_NAME_CHARACTERS = 100;

function lookUpName(name: string): KnownName {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const looked = { text: redactText(name), secret: isSecretName(name) };
  if (knownNames.size < MAX_KNOWN_NAMES && name.length <= MAX_NAME_CHARACTERS) knownNames.set(name, looked);
  return looked;
}
