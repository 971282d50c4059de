import { findSecrets, redactText, secretRules } from "@codex/safety";
import fc from "fast-check";
import { body, fixtures } from "./secret-fixtures.ts";

test("every rule has fixtures, and rules have names of their own", () => {
  expect(secretRules.map((rule) => rule.id).sort()).toEqual(Object.keys(fixtures).sort());
});

describe.each(Object.entries(fixtures))("%s", (id, { positives, negatives }) => {
  test.each(positives)("%j, the secret %j, %j", (before, secret, after) => {
    expect(findSecrets(before + secret + after)).toEqual([
      { rule: id, start: before.length, end: before.length + secret.length },
    ]);
    expect(redactText(before + secret + after)).toBe(`${before}[REDACTED:${id}]${after}`);
  });

  test.each(negatives)("not in %j", (text) => {
    expect(findSecrets(text).filter((finding) => finding.rule === id)).toEqual([]);
  });
});

test("several secrets go, the rest stays as it is, and doing it again changes nothing", () => {
  const text = `a ghp_${body(36)} b\nDB_PASSWORD=ghp_${body(36)}\nredis://:pw@h and hf_${body(34)} é`;
  const redacted = redactText(text);
  expect(redacted).toBe(
    "a [REDACTED:github-personal-token] b\nDB_PASSWORD=[REDACTED:github-personal-token]\n" +
      "redis://:[REDACTED:connection-string-password]@h and [REDACTED:huggingface-token] é",
  );
  expect(redactText(redacted)).toBe(redacted);
});

test("secrets that touch each other all go", () => {
  const key = (dashes: string) => `-----${dashes} PRIVATE ${"KEY"}-----`;
  const text = `${key("BEGIN")}MII${key("END")}ghp_${body(36)}`;
  expect(redactText(text)).toBe("[REDACTED:private-key][REDACTED:github-personal-token]");
});

test("ordinary text and code are left alone", () => {
  const text = `
    export interface Tokenizer { readonly padToken: string; encode(text: string): Uint32Array }
    const token = await tokenizer.next(); // the bearer of a token: 12
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    at file:///home/user/project/src/index.ts:12:34, https://example.org/path?page=2#top
    2026-11-20T23:15:03.123Z 555-0123 127.0.0.1:8080 user@example.org task-force risk_test
  `;
  expect(redactText(text)).toBe(text);
});

test("a secret is found whatever stands around it, and exactly it is replaced", () => {
  const around = fc.string({ unit: fc.constantFrom(" ", "\n", "é", "|", "😀", "(", "x ", " y"), maxLength: 20 });
  fc.assert(
    fc.property(
      around,
      around,
      fc.constantFrom(`ghp_${body(36)}`, `hf_${body(34)}`, `npm_${body(36)}`),
      (left, right, secret) => {
        const redacted = redactText(`${left} ${secret} ${right}`);
        expect(redacted).toMatch(/\[REDACTED:[a-z-]+\]/);
        expect(redacted.replace(/\[REDACTED:[a-z-]+\]/, secret)).toBe(`${left} ${secret} ${right}`);
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

describe.each(secretRules)("the pattern of $id", ({ pattern, hints }) => {
  const withoutClasses = pattern.source.replace(/\\./g, "_").replace(/\[[^\]]*\]/g, "C");

  test("has bounded repetitions, none in another, and no back-references", () => {
    expect(withoutClasses).not.toMatch(/[*+]|\{\d+,\}/);
    expect(withoutClasses).not.toMatch(/\{[^}]*\}\)[?{]/); // a group that ends in a repetition and is repeated
    expect(pattern.source).not.toMatch(/\\[1-9k]/);
    expect(pattern.global).toBe(true);
  });

  test("gets through long texts made to hurt", () => {
    for (const hint of hints) {
      for (const filler of ["", " ", "a", "A1", "-", "_a", ".", ":", "/", "=", "\n", "eyJ"]) {
        const text = (hint + filler).repeat(Math.ceil(20_000 / (hint.length + filler.length)));
        const redacted = text.replace(pattern, "");
        expect(redacted.length).toBeLessThanOrEqual(text.length);
      }
      const run = hint + "a".repeat(100_000);
      expect(run.replace(pattern, "").length).toBeLessThanOrEqual(run.length);
    }
  });
});
