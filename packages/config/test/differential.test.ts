import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { composeConfig, parseOverride } from "@codex/config";

// What Hydra 1.3.2 and OmegaConf 2.3.1 answer; made by tools/parity/config/hydra_cases.py.
interface Golden {
  readonly value?: unknown;
  readonly error?: boolean;
}

function golden<Case>(name: string): (Case & Golden)[] {
  return JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), "utf8"));
}

/** As the generator writes what JSON lacks. */
function plain(value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    return { $number: Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf" };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child)]));
  }
  return value;
}

function outcome(run: () => unknown): Golden {
  try {
    return { value: plain(run()) };
  } catch (error) {
    expect(error).toMatchObject({ name: "ConfigError" });
    return { error: true };
  }
}

function expectSame(name: string, ours: Golden, theirs: Golden, deviations: Readonly<Record<string, Golden>>) {
  const reference = "error" in theirs ? { error: true } : { value: theirs.value };
  const deviation = deviations[name];
  if (deviation === undefined) expect(ours).toEqual(reference);
  else {
    expect(reference).not.toEqual(deviation);
    expect(ours).toEqual(deviation);
  }
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "codex-config-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const ENVIRONMENT = { CODEX_TEST_SET: "here", CODEX_TEST_NUMBER: "12" };

describe("overrides parse as in Hydra", () => {
  const cases = golden<{ text: string }>("overrides");
  test.each(cases.map((one) => [one.text, one] as const))("%s", (text, theirs) => {
    const ours = outcome(() => {
      const { kind, key, package: packageName, value } = parseOverride(text);
      return { kind, key, package: packageName ?? null, value: value ?? null };
    });
    // A key is needed; Hydra takes this for the root.
    expectSame(text, ours, theirs, { "=1": { error: true } });
  });
});

describe("interpolations resolve as in OmegaConf", () => {
  const cases = golden<{ name: string; yaml: string }>("interpolation");
  test.each(cases.map((one) => [one.name, one] as const))("%s", (name, theirs) => {
    write({ "config.yaml": theirs.yaml });
    const ours = outcome(
      () => composeConfig({ config: "config", searchPath: [folder], environment: ENVIRONMENT }).value,
    );
    // Text is joined with values as YAML writes them, not as Python does.
    expectSame(name, ours, theirs, {
      "true in text": { value: { a: true, b: "vtrue" } },
      "null in text": { value: { a: null, b: "vnull" } },
    });
  });
});

describe("YAML reads as in OmegaConf", () => {
  const cases = golden<{ name: string; yaml: string }>("yaml");
  test.each(cases.map((one) => [one.name, one] as const))("%s", (name, theirs) => {
    write({ "config.yaml": theirs.yaml });
    const ours = outcome(() => composeConfig({ config: "config", searchPath: [folder] }).value);
    // YAML 1.2, where OmegaConf reads 1.1.
    expectSame(name, ours, theirs, {
      "yaml 1.1 booleans": { value: { a: "yes", b: "off", c: "no" } },
      octal: { value: { a: 10, b: 8, c: 31 } },
      sexagesimal: { value: { a: "1:30" } },
    });
  });
});

describe("configurations compose as in Hydra", () => {
  const cases = golden<{
    name: string;
    files: Record<string, string>;
    config: string;
    overrides: string[];
    search: string[];
  }>("compose");
  test.each(cases.map((one) => [one.name, one] as const))("%s", (name, theirs) => {
    write(theirs.files);
    const searchPath = theirs.search.map((one) => join(folder, one));
    const ours = outcome(() => composeConfig({ config: theirs.config, searchPath, overrides: theirs.overrides }).value);
    expectSame(name, ours, theirs, {
      // Hydra overlooks a header below another comment.
      "header after a comment": { value: { b: 2 } },
      // OmegaConf puts the referenced mapping in place of the reference first; here a mapping replaces a reference.
      "mapping over a reference": { value: { m: { d: { y: 2 } }, t: { x: 1 } } },
    });
  });
});
