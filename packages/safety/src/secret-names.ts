/** Names whose values are secrets whatever they look like. The name is cut into words: `DB_PASSWORD`, `dbPassword`, `db-password`. */

const SECRET_WORDS = new Set([
  ...["password", "passwords", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets", "credential"],
  ...["credentials", "apikey", "authorization", "cookie", "cookies"],
]);

/** Words before `key` that make it one that opens something: a primary key or a `modelKey` does not. */
const KEY_OWNERS = new Set([
  "api",
  "access",
  "secret",
  "private",
  "signing",
  "encryption",
  "account",
  "auth",
  "ssh",
  "master",
  "service",
]);

/** Words before `token` that make it a piece of text or a count. */
const TEXT_TOKEN_OWNERS = new Set([
  ...[
    "pad",
    "eos",
    "bos",
    "unk",
    "sep",
    "cls",
    "mask",
    "eot",
    "special",
    "stop",
    "start",
    "end",
    "begin",
    "first",
    "last",
    "next",
  ],
  ...[
    "previous",
    "max",
    "min",
    "num",
    "per",
    "text",
    "image",
    "added",
    "prompt",
    "forced",
    "decoder",
    "fill",
    "target",
    "input",
    "output",
  ],
]);

/** True for names such as `HF_TOKEN`, `dbPassword`, `aws_secret_access_key`; false for `tokenizer`, `pad_token`, `maxNewTokens`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  if (words.some((word) => SECRET_WORDS.has(word) || /(?:password|passwd|apikey)$/.test(word))) return true;
  const last = words.at(-1);
  const owner = words.at(-2);
  if (last === "key") return owner !== undefined && KEY_OWNERS.has(owner);
  if (last === "token") return owner === undefined || !TEXT_TOKEN_OWNERS.has(owner);
  return words.includes("connection") && words.includes("string");
}
