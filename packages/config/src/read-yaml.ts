import { readFileSync } from "node:fs";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type ScalarTag,
} from "yaml";
import { ConfigError, type ConfigIssue, errorOfIssues } from "./errors.ts";
import { type ConfigNode, checkKey, type MappingNode, type Origin } from "./node.ts";

/**
 * One YAML file as a tree with origins. YAML 1.2 core schema (so `yes` and `on` are strings), with two number rules of OmegaConf:
 * `1e-3` is a number (core has that already) and digits may be grouped, `1_000_000`. Merge keys (`<<`) are not special, unknown
 * tags are errors, aliases are expanded up to a limit, and everything that is wrong in a file is reported together.
 */

const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 100;
const MAX_NODES = 100_000; // after aliases are expanded

/** A file's contents, and its first lines where `# @package` may stand. */
export interface YamlFile {
  readonly root: ConfigNode;
  /** The argument of a `# @package` line before the first key; `undefined` if there is none. */
  readonly packageHeader: string | undefined;
}

/** Digits in groups, as in Python: `1_000`, `-1_0.5e3`. The plain forms are the core schema's own. */
export const GROUPED_NUMBER: ScalarTag = {
  identify: () => false,
  default: true,
  tag: "tag:yaml.org,2002:float",
  test: /^[-+]?(?=[^_]*\d_\d)\d+(?:_\d+)*(?:\.\d*(?:_\d+)*)?(?:[eE][-+]?\d+(?:_\d+)*)?$/,
  resolve: (text) => Number(text.replaceAll("_", "")),
};

/** @throws {ConfigError} `CONFIG_NOT_FOUND`, `CONFIG_YAML_INVALID`, `CONFIG_KEY_FORBIDDEN` */
export function readYamlFile(file: string): YamlFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError("CONFIG_NOT_FOUND", `${file}: expected a readable file, got ${reason}`, { cause });
  }
  return parseYaml(decode(bytes, file), file);
}

/** @throws {ConfigError} `CONFIG_YAML_INVALID`, `CONFIG_KEY_FORBIDDEN` */
export function parseYaml(text: string, file: string): YamlFile {
  checkNesting(text, file);
  const lines = new LineCounter();
  const document = parse(text, file, lines);
  const positionOf = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { kind: "file", file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const issues: ConfigIssue[] = [];
  const report = (message: string, offset: number) => issues.push(issueAt(message, positionOf(offset)));
  for (const problem of [...document.errors, ...document.warnings]) report(problem.message, problem.pos[0]);
  const root = issues.length === 0 ? toNode(document.contents, positionOf, report) : undefined;
  if (root === undefined || issues.length > 0) throw errorOfIssues("CONFIG_YAML_INVALID", file, issues);
  return { root, packageHeader: readPackageHeader(text) };
}

function parse(text: string, file: string, lineCounter: LineCounter) {
  try {
    return parseDocument(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      uniqueKeys: false, // found below in linear time, and with both places
      prettyErrors: false,
      logLevel: "error", // "silent" would also overlook a second document
      lineCounter,
      customTags: (tags) => [GROUPED_NUMBER, ...tags],
    });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(file);
    throw cause;
  }
}

function issueAt(message: string, origin: Origin): ConfigIssue {
  const place = origin.kind === "file" ? `${origin.file}:${origin.line}:${origin.column}` : undefined;
  return { path: "", message, origin: place };
}

function tooDeep(file: string): ConfigError {
  return new ConfigError("CONFIG_YAML_INVALID", `${file}: nested deeper than ${MAX_DEPTH} levels`);
}

/**
 * Refuses deep nesting before the parser sees it: on tens of thousands of levels it exhausts the process's memory, which no
 * `catch` survives. Brackets are counted without regard to quotes, which only errs on text with a hundred more opened than closed.
 */
function checkNesting(text: string, file: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(/[[{\]}]|^[ ]*(?:[-?:][ \t]+)*/gm)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth = Math.max(0, depth - 1);
    else if (token.length > 4 * MAX_DEPTH && token.trimEnd() !== "") throw tooDeep(file);
    if (depth > MAX_DEPTH) throw tooDeep(file);
  }
}

function decode(bytes: Buffer, file: string): string {
  if (bytes.length > MAX_BYTES) {
    throw new ConfigError(
      "CONFIG_YAML_INVALID",
      `${file}: expected a configuration of at most ${MAX_BYTES} bytes, got ${bytes.length} bytes`,
    );
  }
  const nul = bytes.indexOf(0);
  if (nul !== -1) {
    throw new ConfigError("CONFIG_YAML_INVALID", `${file}: expected text, got a binary file (byte 0 at offset ${nul})`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const offset = firstInvalidByte(bytes);
    const line = bytes.subarray(0, offset).toString("latin1").split("\n").length;
    throw new ConfigError(
      "CONFIG_YAML_INVALID",
      `${file}:${line}: expected UTF-8, got byte 0x${bytes[offset]!.toString(16)} at offset ${offset}`,
      { cause },
    );
  }
}

/** The start of the first malformed sequence: the longest prefix that decodes, found by bisection over streaming decodes. */
function firstInvalidByte(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.length;
  while (good < bad) {
    const middle = Math.ceil((good + bad) / 2);
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle - 1;
    }
  }
  return Math.min(good, bytes.length - 1);
}

function readPackageHeader(text: string): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed === "---") continue;
    if (!trimmed.startsWith("#")) return undefined;
    const header = /^#\s*@package\s+(\S+)\s*$/.exec(trimmed);
    if (header !== null) return header[1]!;
  }
  return undefined;
}

function toNode(
  contents: ParsedNode | null,
  positionOf: (offset: number) => Origin,
  report: (message: string, offset: number) => void,
): ConfigNode {
  const anchors = new Map<string, Node>();
  const open = new Set<Node>();
  let count = 0;

  const visit = (node: Node | null, fallback: Origin, depth: number): ConfigNode => {
    const offset = node?.range?.[0];
    const origin = offset === undefined ? fallback : positionOf(offset);
    const empty: ConfigNode = { kind: "scalar", value: null, origin };
    const fail = (message: string): ConfigNode => {
      report(message, offset ?? 0);
      return empty;
    };
    count++;
    if (count > MAX_NODES) {
      if (count === MAX_NODES + 1) return fail(`more than ${MAX_NODES} values, counting what aliases repeat`);
      return empty;
    }
    if (depth > MAX_DEPTH) return fail(`nested deeper than ${MAX_DEPTH} levels`);
    if (node === null) return empty;
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined) return fail(`unknown alias *${node.source}`);
      if (open.has(target)) return fail(`the alias *${node.source} contains itself`);
      return visit(target, origin, depth);
    }
    if ("anchor" in node && typeof node.anchor === "string") anchors.set(node.anchor, node);
    if (isScalar(node))
      return scalar(node.value, node.source, fail) ?? { kind: "scalar", value: node.value as string, origin };
    open.add(node);
    const result = isSeq(node)
      ? ({ kind: "sequence", items: node.items.map((item) => visit(item as Node, origin, depth + 1)), origin } as const)
      : isMap(node)
        ? mapping(node.items as readonly { key: unknown; value: unknown }[], origin, depth)
        : fail("expected a scalar, a list or a mapping");
    open.delete(node);
    return result;
  };

  const mapping = (pairs: readonly { key: unknown; value: unknown }[], origin: Origin, depth: number): MappingNode => {
    const entries = new Map<string, ConfigNode>();
    const firstLine = new Map<string, number>();
    for (const pair of pairs) {
      const at = (pair.key as Node | null)?.range?.[0] ?? 0;
      if (!isScalar(pair.key) || pair.key.value === null) {
        report("expected a plain key, got a list, a mapping, an alias or nothing", at);
        continue;
      }
      const keyOrigin = positionOf(at);
      const key = checkKey(
        typeof pair.key.value === "string" ? pair.key.value : (pair.key.source ?? String(pair.key.value)),
        keyOrigin,
      );
      const line = keyOrigin.kind === "file" ? keyOrigin.line : 0;
      if (entries.has(key)) report(`the key ${JSON.stringify(key)} is already on line ${firstLine.get(key)}`, at);
      firstLine.set(key, line);
      // A key is what people look for, so a value's origin is the place of its key.
      entries.set(key, { ...visit(pair.value as Node | null, keyOrigin, depth + 1), origin: keyOrigin });
    }
    return { kind: "mapping", entries, origin };
  };

  return visit(contents, positionOf(0), 0);
}

/** `undefined` if the scalar is fine. */
function scalar(
  value: unknown,
  source: string | undefined,
  fail: (message: string) => ConfigNode,
): ConfigNode | undefined {
  if (
    typeof value === "number" &&
    Number.isInteger(value) &&
    !Number.isSafeInteger(value) &&
    /^[-+]?[\d_]+$/.test(source ?? "")
  ) {
    return fail(`the integer ${source} is beyond 2^53-1 and would be rounded; write it in quotes if it is a name`);
  }
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return undefined;
  return fail("expected a string, a number, true, false or null");
}
