import { ConfigError } from "./errors.ts";
import { type ConfigObject, type ConfigValue, checkKey } from "./node.ts";

/**
 * The override grammar of Hydra 1.3 (`OverrideLexer.g4`, `OverrideParser.g4`): longest token first, and the earlier rule where two
 * are of the same length. Sweeps (`a=1,2`, `choice(...)`) and the other functions are refused by name.
 */

export interface Override {
  /** `a=v`, `+a=v`, `++a=v`, `~a` or `~a=v`. */
  readonly kind: "change" | "add" | "forceAdd" | "delete";
  /** `a.b` for a value, `a` or `a/b` for a group. */
  readonly key: string;
  /** The part behind `@` of `group@package=option`. */
  readonly package: string | undefined;
  /** `undefined` only for `~a` without a value. */
  readonly value: ConfigValue | undefined;
  /** As it was typed. */
  readonly text: string;
}

const INT = String.raw`(?:0|[1-9](?:_?\d)*)`;
const POINT = String.raw`(?:${INT}?\.\d(?:_?\d)*|${INT}\.)`;

const TOKENS = [
  ["(", /[ \t]*\([ \t]*/y],
  [",", /[ \t]*,[ \t]*/y],
  [")", /[ \t]*\)/y],
  ["[", /\[[ \t]*/y],
  ["]", /[ \t]*\]/y],
  ["{", /\{[ \t]*/y],
  ["}", /[ \t]*\}/y],
  [":", /[ \t]*:[ \t]*/y],
  ["=", /[ \t]*=[ \t]*/y],
  [
    "float",
    new RegExp(String.raw`[+-]?(?:(?:${POINT}|${INT})[eE][+-]?\d(?:_?\d)*|${POINT}|[Ii][Nn][Ff]|[Nn][Aa][Nn])`, "y"),
  ],
  ["int", new RegExp(`[+-]?${INT}`, "y")],
  ["bool", /true|false/iy],
  ["null", /null/iy],
  ["char", /[/\-\\+.$%*@?|]/y],
  ["id", /[a-zA-Z_][\w-]*/y],
  ["escape", /(?:\\[\\()[\]{}:=, \t])+/y],
  ["space", /[ \t]+/y],
  ["quoted", /"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'/y],
  ["interpolation", /\$\{[^}]+\}/y],
] as const;

type TokenKind = (typeof TOKENS)[number][0] | "end";

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

/** What a primitive may be made of. */
const IN_PRIMITIVE = new Set<TokenKind>([
  "id",
  "null",
  "int",
  "float",
  "bool",
  "interpolation",
  "char",
  ":",
  "escape",
  "space",
]);
const IN_DICT_KEY = new Set<TokenKind>(["id", "null", "int", "float", "bool", "char", "escape", "space"]);

const STEP = String.raw`(?:[a-zA-Z_$][\w$-]*|${INT})`;
const ID = String.raw`[a-zA-Z_][\w-]*`;
const KEY = new RegExp(
  String.raw`^(~|\+\+|\+)?(${ID}(?:/${ID})+|${STEP}(?:\.${STEP})+|[a-zA-Z_$][\w$-]*)(?:@([\w$.-]*))?(=|$)`,
);

/** @throws {ConfigError} `CONFIG_OVERRIDE_INVALID`, `CONFIG_KEY_FORBIDDEN` */
export function parseOverride(text: string): Override {
  const match = KEY.exec(text);
  const prefix = match?.[1] ?? "";
  if (match === null || (match[4] === "" && prefix !== "~")) {
    throw invalid(text, "expected key=value, +key=value, ++key=value or ~key");
  }
  const key = match[2]!;
  for (const step of key.split(/[./]/)) checkKey(step, { kind: "override", text });
  const kind = ({ "": "change", "+": "add", "++": "forceAdd", "~": "delete" } as const)[
    prefix as "" | "+" | "++" | "~"
  ];
  const value = match[4] === "" ? undefined : parseValue(text.slice(match[0].length), text);
  return { kind, key, package: match[3], value, text };
}

function invalid(text: string, reason: string, help?: string): ConfigError {
  return new ConfigError("CONFIG_OVERRIDE_INVALID", `override ${JSON.stringify(text)}: ${reason}`, { help });
}

function parseValue(source: string, override: string): ConfigValue {
  const tokens = tokenize(source.replace(/^[ \t]+/, ""), override);
  let at = 0;
  const peek = () => tokens[at]!;
  const unexpected = (expected: string) =>
    invalid(
      override,
      `expected ${expected}, got ${peek().kind === "end" ? "the end" : JSON.stringify(peek().text)}`,
      "Quote text that holds punctuation: key='some, text'. In a shell, quote once more: \"key='some, text'\".",
    );

  const element = (): ConfigValue => {
    const { kind } = peek();
    if (kind === "[") return list();
    if (kind === "{") return dict();
    if (kind === "quoted") return unquote(tokens[at++]!.text);
    if (kind === "id" && tokens[at + 1]!.kind === "(") {
      throw invalid(
        override,
        `the function ${peek().text}(...) is not supported`,
        "Sweeps come later; write plain values.",
      );
    }
    return primitive(IN_PRIMITIVE).value;
  };

  const list = (): ConfigValue => {
    const items: ConfigValue[] = [];
    at++;
    if (peek().kind !== "]") {
      items.push(element());
      while (peek().kind === ",") {
        at++;
        items.push(element());
      }
    }
    if (peek().kind !== "]") throw unexpected("a comma or ]");
    at++;
    return items;
  };

  const dict = (): ConfigObject => {
    const object: Record<string, ConfigValue> = {};
    at++;
    if (peek().kind !== "}") {
      for (;;) {
        const key = checkKey(primitive(IN_DICT_KEY).text, { kind: "override", text: override });
        if (peek().kind !== ":") throw unexpected("a colon");
        at++;
        object[key] = element();
        if (peek().kind !== ",") break;
        at++;
      }
    }
    if (peek().kind !== "}") throw unexpected("a comma or }");
    at++;
    return object;
  };

  const primitive = (allowed: ReadonlySet<TokenKind>): { value: ConfigValue; text: string } => {
    const start = at;
    while (allowed.has(peek().kind)) at++;
    const parts = tokens.slice(start, at);
    if (parts[0]?.kind === "space") parts.shift();
    if (parts.at(-1)?.kind === "space") parts.pop();
    if (parts.length === 0) throw unexpected("a value");
    const text = parts.map((part) => (part.kind === "escape" ? unescapePairs(part.text) : part.text)).join("");
    return { value: parts.length === 1 ? typed(parts[0]!.kind, text, override) : text, text };
  };

  if (peek().kind === "end") return "";
  const value = element();
  if (peek().kind === ",") {
    throw invalid(
      override,
      "several values, which is a sweep",
      "For a list write key=[a,b], for one text with a comma key='a,b'. Sweeps come later.",
    );
  }
  if (peek().kind !== "end") throw unexpected("the end");
  return value;
}

function typed(kind: TokenKind, text: string, override: string): ConfigValue {
  if (kind === "null") return null;
  if (kind === "bool") return text.toLowerCase() === "true";
  if (kind === "int") {
    const value = Number(text.replaceAll("_", "")) + 0; // -0 is an integer, so 0
    if (!Number.isSafeInteger(value))
      throw invalid(override, `the integer ${text} is beyond 2^53-1 and would be rounded`);
    return value;
  }
  if (kind !== "float") return text;
  if (/nan$/i.test(text)) return Number.NaN;
  if (/inf$/i.test(text)) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text.replaceAll("_", ""));
}

/** Only backslashes in front of a quote of the same kind (an inner one or the closing one) are escapes; all others are kept. */
function unquote(text: string): string {
  const escapes = text.startsWith('"') ? /\\+(?:"|$)/g : /\\+(?:'|$)/g;
  return text.slice(1, -1).replace(escapes, unescapePairs);
}

function unescapePairs(text: string): string {
  return text.replace(/\\([\s\S])/g, "$1");
}

function tokenize(source: string, override: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    let best: Token | undefined;
    for (const [kind, pattern] of TOKENS) {
      pattern.lastIndex = at;
      const text = pattern.exec(source)?.[0];
      if (text !== undefined && text.length > (best?.text.length ?? 0)) best = { kind, text };
    }
    if (best === undefined) {
      throw invalid(override, `unexpected character ${JSON.stringify(source[at])}`, "Quote it: key='...'.");
    }
    tokens.push(best);
    at += best.text.length;
  }
  tokens.push({ kind: "end", text: "" });
  return tokens;
}

/**
 * A value as the right-hand side of an override: `parseOverride("key=" + formatOverrideValue(value)).value` is the value again.
 *
 * @throws {ConfigError} `CONFIG_OVERRIDE_INVALID` for an object with a key that the grammar cannot express (quotes, non-ASCII, empty)
 */
export function formatOverrideValue(value: ConfigValue): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "string") return formatString(value);
  if (Array.isArray(value)) return `[${value.map(formatOverrideValue).join(",")}]`;
  const entries = Object.entries(value).map(([key, child]) => `${formatDictKey(key)}:${formatOverrideValue(child)}`);
  return `{${entries.join(",")}}`;
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  // An integer beyond 2^53-1 would be refused as one, so it is written as the float that it is.
  if (Object.is(value, -0)) return "-0.0";
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
}

function formatString(value: string): string {
  if (/^[a-zA-Z_][\w-]*$/.test(value) && !/^(?:true|false|null|inf|nan)$/i.test(value)) return value;
  return `'${value.replace(/(\\*)('|$)/g, (_, backslashes: string, quote) => backslashes + backslashes + (quote === "" ? "" : "\\'"))}'`;
}

function formatDictKey(key: string): string {
  const text = key.replace(/[\\()[\]{}:=, \t]/g, "\\$&");
  if (key === "" || !/^[\w\-\\/+.$%*@?|()[\]{}:=, \t]+$/.test(key) || /\$\{/.test(key)) {
    throw new ConfigError("CONFIG_OVERRIDE_INVALID", `an override cannot express the key ${JSON.stringify(key)}`, {
      help: "Put it into a configuration file.",
    });
  }
  return text;
}
