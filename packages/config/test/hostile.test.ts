// biome-ignore-all lint/suspicious/noTemplateCurlyInString: interpolations of configurations, not of TypeScript.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, composeConfig, parseOverride } from "@codex/config";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "codex-config-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function failure(contents: string | Uint8Array): ConfigError {
  writeFileSync(join(folder, "config.yaml"), contents);
  try {
    composeConfig({ config: "config", searchPath: [folder], environment: {} });
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error as ConfigError;
  }
  throw new Error("nothing was refused");
}

function laughs(line: (name: string, before: string) => string): string {
  const names = [..."abcdefghijklmnopqrst"];
  return names.map((name, index) => line(name, names[index - 1] ?? "")).join("\n");
}

describe("hostile files", () => {
  test("billion laughs by aliases", () => {
    const text = laughs(
      (name, before) => `${name}: &${name} [${before === "" ? "lol" : Array(9).fill(`*${before}`).join(", ")}]`,
    );
    expect(failure(text)).toMatchObject({
      code: "CONFIG_YAML_INVALID",
      message: expect.stringContaining("100000 values"),
    });
  });

  test("billion laughs by interpolation", () => {
    const text = laughs(
      (name, before) => `${name}: [${before === "" ? "lol" : Array(9).fill(`"\${${before}}"`).join(", ")}]`,
    );
    expect(failure(text)).toMatchObject({
      code: "CONFIG_INTERPOLATION_INVALID",
      message: expect.stringContaining("100000 values"),
    });
  });

  test("billion laughs by text", () => {
    const text = laughs(
      (name, before) => `${name}: "${before === "" ? "lol" : Array(9).fill(`\${${before}}`).join("")}"`,
    );
    expect(failure(text)).toMatchObject({
      code: "CONFIG_INTERPOLATION_INVALID",
      message: expect.stringContaining("1000000 characters"),
    });
  });

  test("an alias that contains itself", () => {
    expect(failure("a: &a [1, *a]").message).toMatch(/config\.yaml:1:11: the alias \*a contains itself/);
  });

  test.each(["__proto__", "constructor", "prototype"])("the key %s", (key) => {
    const places = [
      `${key}: {polluted: 1}`,
      `a:\n  - b: {${key}: {polluted: 1}}`,
      `"${key}": 1`,
      `a: '\${oc.decode:"{${key}: 1}"}'`,
    ];
    for (const text of places) {
      const { code, message } = failure(text);
      expect(["CONFIG_KEY_FORBIDDEN", "CONFIG_INTERPOLATION_INVALID"]).toContain(code);
      expect(message).toContain(key);
    }
    for (const text of [
      `${key}=1`,
      `+${key}.polluted=1`,
      `+a.${key}.b=1`,
      `+a={${key}:{polluted:1}}`,
      `+a=[{${key}:1}]`,
      `~${key}`,
    ]) {
      expect(() => parseOverride(text)).toThrow(expect.objectContaining({ code: "CONFIG_KEY_FORBIDDEN" }));
    }
    expect(failure(`a: \${${key}}`).message).toContain("does not exist");
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([
    ["brackets", "[".repeat(100_000)],
    ["braces", "{a: ".repeat(50_000)],
    ["dashes on one line", `${"- ".repeat(50_000)}x`],
    ["question marks on one line", `${"? ".repeat(50_000)}x`],
    ["indentation", Array.from({ length: 600 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
  ])("nesting by %s", (_, text) => {
    expect(failure(text)).toMatchObject({
      code: "CONFIG_YAML_INVALID",
      message: expect.stringContaining("nested deeper"),
    });
  });

  test("nesting of interpolations", () => {
    expect(failure(`a: ${"${b".repeat(5000)}${"}".repeat(5000)}`).message).toMatch(/nested deeper/);
  });

  test("a chain of references of thousands", () => {
    const lines = Array.from({ length: 3000 }, (_, index) => `k${index}: \${k${index + 1}}`);
    expect(failure([...lines, "k3000: ${k0}"].join("\n")).code).toBe("CONFIG_INTERPOLATION_INVALID");
  });

  test("keys of megabytes", () => {
    const key = "k".repeat(400_000);
    expect(failure(`? ${key}\n: 1\na: \${${key}x}`).message).toMatch(/does not exist$/);
  });

  test("a binary file", () => {
    expect(failure(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 1, 2)).message).toMatch(
      /binary file \(byte 0 at offset 4\)/,
    );
  });

  test("invalid UTF-8, with its line and offset", () => {
    const bytes = Buffer.concat([Buffer.from("a: 1\nb: h\u00e9"), Buffer.of(0xff), Buffer.from("\nc: 2\n")]);
    expect(failure(bytes).message).toMatch(/config\.yaml:2: expected UTF-8, got byte 0xff at offset 11/);
    expect(failure(Buffer.of(0x61, 0x3a, 0x20, 0xe2, 0x82)).message).toMatch(/:1: expected UTF-8/);
  });

  test("tabs", () => {
    expect(failure("a:\n\tb: 1").message).toMatch(/config\.yaml:2:1: Tabs are not allowed as indentation/);
  });

  test("duplicate keys, all of them", () => {
    const { issues } = failure("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n");
    expect(issues.map((issue) => issue.message)).toEqual([
      'the key "c" is already on line 3',
      'the key "a" is already on line 1',
    ]);
    expect(issues.map((issue) => issue.origin?.replace(/.*config/, "config"))).toEqual([
      "config.yaml:4:3",
      "config.yaml:5:1",
    ]);
  });

  test("a huge file", () => {
    expect(failure(`a: ${"x".repeat(1024 * 1024)}`).message).toMatch(/at most 1048576 bytes/);
  });

  test("an unknown tag", () => {
    expect(failure("a: !!python/object/apply:os.system ['true']").message).toMatch(/:1:4: Unresolved tag/);
  });

  test("several documents", () => {
    expect(failure("a: 1\n---\nb: 2").message).toMatch(/multiple documents/);
  });

  test("keys that are no names", () => {
    expect(failure("? [a, b]\n: 1\n").message).toMatch(/expected a plain key/);
    expect(failure("? \n: 1\n").message).toMatch(/expected a plain key/);
  });

  test("an unknown alias", () => {
    expect(failure("a: *nope").message).toMatch(/alias/i);
  });

  test("an integer that would be rounded", () => {
    expect(failure("a: 12345678901234567890").message).toMatch(
      /:1:4: the integer 12345678901234567890 is beyond 2\^53-1/,
    );
  });

  test("contents that are no mapping", () => {
    expect(failure("- a\n- b").message).toMatch(/expected a mapping of keys to values, got a list/);
    expect(failure("hello").message).toMatch(/got "hello"/);
  });

  test("a name that leads out of the folders", () => {
    expect(failure("defaults:\n  - ../x").code).toBe("CONFIG_NOT_FOUND");
    expect(failure("defaults:\n  - a: ../../etc/passwd").code).toBe("CONFIG_NOT_FOUND");
  });
});

test("merge keys are ordinary keys", () => {
  writeFileSync(join(folder, "config.yaml"), "a: &a {x: 1}\nb:\n  <<: *a\n");
  expect(composeConfig({ config: "config", searchPath: [folder] }).value).toEqual({
    a: { x: 1 },
    b: { "<<": { x: 1 } },
  });
});

test("a byte order mark and carriage returns are fine", () => {
  writeFileSync(join(folder, "config.yaml"), "\ufeffa: 1\r\nb: x\r\n");
  expect(composeConfig({ config: "config", searchPath: [folder] }).value).toEqual({ a: 1, b: "x" });
});
