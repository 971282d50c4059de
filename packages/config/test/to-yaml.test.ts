// biome-ignore-all lint/suspicious/noTemplateCurlyInString: interpolations of configurations, not of TypeScript.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigValue, composeConfig, formatOverrideValue, parseOverride, toYaml } from "@codex/config";
import fc from "fast-check";

fc.configureGlobal({ seed: 20250101 });

const FORBIDDEN = ["__proto__", "constructor", "prototype"];
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    "yes",
    "1_000",
    "1e-3",
    "null",
    "~",
    "010",
    "0x1",
    ".inf",
    "nan",
    "true",
    "a: b",
    "- a",
    "#",
    "${a}",
    "\\${a}",
    "$",
    "it's",
    '"',
    "\\",
    "\\'",
    "a\nb",
    " a ",
    "1:30",
    "2024-01-01",
    "<<",
    "\u0001\u007f\u0085\u2028",
    "\r\n",
    "\ud83d\ude00",
    "\ufeff",
  ),
);
const number = fc.oneof(fc.double(), fc.maxSafeInteger());
const scalar = fc.oneof(fc.constant(null), fc.boolean(), number, text).filter((value) => value !== "???");

function trees(keys: fc.Arbitrary<string>): fc.Arbitrary<ConfigValue> {
  const { tree } = fc.letrec<{ tree: ConfigValue }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      scalar,
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(keys, tie("tree"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  return tree;
}

const fileKeys = fc
  .oneof(fc.string({ minLength: 1 }), fc.constantFrom("a", "1", "yes", "null", "a.b", "x y"))
  .filter((key) => !FORBIDDEN.includes(key));
const overrideKeys = fc
  .stringMatching(/^[a-zA-Z0-9_ /.\\()[\]{}:=,*@?|%+-]+$/)
  .filter((key) => !FORBIDDEN.includes(key) && !/^\s*$/.test(key));

test("a saved configuration composes to the same values", () => {
  const folder = mkdtempSync(join(tmpdir(), "codex-config-"));
  try {
    fc.assert(
      fc.property(trees(fileKeys), (value) => {
        const config = { value };
        writeFileSync(join(folder, "config.yaml"), toYaml(config));
        expect(composeConfig({ config: "config", searchPath: [folder], environment: {} }).value).toEqual(config);
      }),
      { numRuns: 300 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an override says the same value again", () => {
  fc.assert(
    fc.property(trees(overrideKeys), (value) => {
      expect(parseOverride(`key=${formatOverrideValue(value)}`).value).toEqual(value);
    }),
    { numRuns: 500 },
  );
});

test("a key that the override grammar lacks is refused", () => {
  for (const key of ["", "it's", '"', "\u00e9", "${a}", "a\nb"]) {
    expect(() => formatOverrideValue({ [key]: 1 })).toThrow(
      expect.objectContaining({ code: "CONFIG_OVERRIDE_INVALID" }),
    );
  }
});

test("text that other readers would take for something else is quoted", () => {
  expect(toYaml({ a: "yes", b: "1_000", c: "1e-3", d: 1e-3, e: "${x}", f: [], g: "plain words" })).toBe(
    ['a: "yes"', 'b: "1_000"', 'c: "1e-3"', "d: 0.001", "e: \\${x}", "f: []", "g: plain words", ""].join("\n"),
  );
});

test("parts that are shared are written out", () => {
  const shared = { x: 1 };
  expect(toYaml({ a: shared, b: shared })).toBe("a:\n  x: 1\nb:\n  x: 1\n");
});
