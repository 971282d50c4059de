import { isSecretName, REDACTED, redactArguments, redactEnvironment, redactValue } from "@codex/safety";
import fc from "fast-check";
import { body } from "./secret-fixtures.ts";

const secret = `ghp_${body(36)}`;
const mark = "[REDACTED:github-personal-token]";

test.each([
  ...[
    "PASSWORD",
    "dbPassword",
    "PGPASSWORD",
    "HF_TOKEN",
    "token",
    "aws_secret_access_key",
    "clientSecret",
    "api-key",
    "APIKEY",
  ],
  ...[
    "x-api-key",
    "privateKey",
    "Authorization",
    "Set-Cookie",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "connectionString",
    "--hf-token",
  ],
])("%s is a secret name", (name) => expect(isSecretName(name)).toBe(true));

test.each([
  ...[
    "tokenizer",
    "tokens",
    "maxNewTokens",
    "pad_token",
    "eosToken",
    "tokens_per_second",
    "token_count",
    "key",
    "primaryKey",
    "PATH",
  ],
  ...["passengers", "author", "cookiecutter", "secretary", "keyboard", "OMP_NUM_THREADS", "connection", "", "monkey"],
])("%j is none", (name) => expect(isSecretName(name)).toBe(false));

test("environment: secret by name, secret by shape, and all others as they are, sorted", () => {
  const environment = {
    PATH: "/bin",
    HF_TOKEN: "x",
    URL: `https://u:pw@host/${secret}`,
    EMPTY_PASSWORD: "",
    MINE: "y",
    GONE: undefined,
  };
  expect(Object.entries(redactEnvironment(environment, { names: ["MINE"] }))).toEqual([
    ["EMPTY_PASSWORD", ""],
    ["HF_TOKEN", REDACTED],
    ["MINE", REDACTED],
    ["PATH", "/bin"],
    ["URL", `https://u:[REDACTED:connection-string-password]@host/${mark}`],
  ]);
});

test("arguments: what follows the name of a secret goes", () => {
  const words = [
    "train",
    "--hf-token",
    "abc",
    "--token=abc",
    "db.password=abc",
    "--seed",
    "7",
    "--verbose",
    "--api-key",
    "--x",
    secret,
  ];
  expect(redactArguments(words)).toEqual([
    ...["train", "--hf-token", REDACTED, `--token=${REDACTED}`, `db.password=${REDACTED}`],
    ...["--seed", "7", "--verbose", "--api-key", "--x", mark],
  ]);
});

test("values: by name and by shape, at every depth, in keys too, and the argument is left alone", () => {
  const value = {
    nested: [{ password: "x", text: `see ${secret}`, [secret]: 1 }],
    password: null,
    hasPassword: true,
    pin: { secret: 1234 },
    credentials: { user: "a" },
    tokenizer: { pad_token: "<pad>" },
    n: 1,
  };
  const before = structuredClone(value);
  expect(redactValue(value)).toEqual({
    nested: [{ password: REDACTED, text: `see ${mark}`, [mark]: 1 }],
    password: null,
    hasPassword: true,
    pin: { secret: REDACTED },
    credentials: REDACTED,
    tokenizer: { pad_token: "<pad>" },
    n: 1,
  });
  expect(JSON.stringify(value)).toBe(JSON.stringify(before));
});

test("what JSON has no word for becomes something that it has", () => {
  const error = Object.assign(new TypeError(`bad ${secret}`, { cause: new Error("inner") }), {
    code: "E_BAD",
    token: "x",
  });
  error.stack = `TypeError: bad ${secret}`;
  (error.cause as Error).stack = "Error: inner";
  const value = {
    map: new Map([
      ["password", "x"],
      ["a", secret],
    ]),
    set: new Set([secret]),
    big: 10n,
    when: new Date(0),
    bytes: new Uint8Array(3),
    error,
  };
  expect(JSON.parse(JSON.stringify(redactValue(value)))).toEqual({
    map: { password: REDACTED, a: mark },
    set: [mark],
    big: "10",
    when: "1970-01-01T00:00:00.000Z",
    bytes: "[Uint8Array of 3 bytes]",
    error: {
      name: "TypeError",
      message: `bad ${mark}`,
      code: "E_BAD",
      token: REDACTED,
      stack: `TypeError: bad ${mark}`,
      cause: { name: "Error", message: "inner", stack: "Error: inner" },
    },
  });
});

test("cycles end, shared parts do not count as cycles", () => {
  const shared = { a: 1 };
  const value: Record<string, unknown> = { one: shared, two: shared, list: [] };
  value["self"] = value;
  (value["list"] as unknown[]).push(value["list"], value);
  expect(redactValue(value)).toEqual({
    one: shared,
    two: shared,
    self: "[Circular]",
    list: ["[Circular]", "[Circular]"],
  });
});

test("depth, throwing getters and hostile keys do no harm", () => {
  let deep: unknown = "bottom";
  for (let level = 0; level < 100_000; level++) deep = [deep];
  expect(JSON.stringify(redactValue(deep))).toContain("[Too deep]");
  const hostile = {
    a: 1,
    bad: {
      get x(): never {
        throw new Error("no");
      },
    },
  };
  expect(redactValue(hostile)).toEqual({ a: 1, bad: "[Unreadable]" });
  const polluting = redactValue(JSON.parse('{"__proto__": {"polluted": true}}')) as object;
  expect(Object.keys(polluting)).toEqual(["__proto__"]);
  expect("polluted" in {}).toBe(false);
});

test("any JSON without secrets comes back equal", () => {
  const json = fc.jsonValue({ maxDepth: 4, stringUnit: fc.constantFrom("a", "é", "1", " ") });
  fc.assert(
    fc.property(json, (value) => expect(JSON.stringify(redactValue(value))).toBe(JSON.stringify(value))),
    { seed: 2, numRuns: 300 },
  );
});
