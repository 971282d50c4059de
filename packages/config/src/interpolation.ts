import { describeValue } from "./describe-value.ts";
import { ConfigError, type ConfigIssue, errorOfIssues } from "./errors.ts";
import {
  type Argument,
  type Interpolation,
  InterpolationSyntaxError,
  parseArgument,
  parseTemplate,
  type Template,
} from "./interpolation-grammar.ts";
import { nearest } from "./nearest.ts";
import {
  type ConfigNode,
  type ConfigPath,
  type ConfigValue,
  childOf,
  describeOrigin,
  describePath,
  isMissing,
  nodeAt,
  parsePath,
} from "./node.ts";

const MAX_VALUES = 100_000;
const MAX_TEXT = 1_000_000;
const MAX_DEPTH = 200; // of values inside values and references to references

/** Environment variables that `${oc.env:NAME}` may read. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Evaluates every `${...}` of a tree, each relative to where it is written. A reference to a mapping or a list copies its resolved
 * value. Text around an interpolation is joined with values as YAML writes them (`true`, `null`, `0.001`; OmegaConf writes Python's).
 * Resolvers: `oc.env`, `oc.decode`, `oc.select`.
 *
 * @returns the plain value of the whole tree; `???` stays where nothing refers to it
 * @throws {ConfigError} `CONFIG_INTERPOLATION_INVALID` with an issue for each value that cannot be resolved
 */
export function resolveInterpolations(root: ConfigNode, environment: Environment): ConfigValue {
  const issues: ConfigIssue[] = [];
  const evaluator = new Evaluator(root, environment);

  const visit = (node: ConfigNode, path: ConfigPath): ConfigValue => {
    if (node.kind === "sequence") return node.items.map((item, index) => visit(item, [...path, String(index)]));
    if (node.kind === "mapping") {
      const object: Record<string, ConfigValue> = {};
      for (const [key, child] of node.entries) object[key] = visit(child, [...path, key]);
      return object;
    }
    try {
      return evaluator.valueAt(path);
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error;
      const name = describePath(path);
      issues.push({
        path: name,
        message: `${name}: ${error.message}`,
        origin: describeOrigin(node.origin),
        value: node.value,
      });
      return null;
    }
  };
  const value = visit(root, []);
  if (issues.length > 0) throw errorOfIssues("CONFIG_INTERPOLATION_INVALID", "interpolations", issues);
  return copy(value, { left: MAX_VALUES });
}

/** Values without shared parts, so that changing one does not change another. */
function copy(value: ConfigValue, budget: { left: number }): ConfigValue {
  if (--budget.left < 0) {
    throw new ConfigError("CONFIG_INTERPOLATION_INVALID", `the configuration grows beyond ${MAX_VALUES} values`);
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => copy(item, budget));
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, copy(child, budget)]));
}

/** Whether a text has something to evaluate (an escaped `\${` counts: its backslash has to go). */
export function hasInterpolation(text: string): boolean {
  return text.includes("${");
}

/** Why a value cannot be resolved; becomes an issue with the place of the value. */
class Unresolved extends Error {}

class Evaluator {
  readonly #root: ConfigNode;
  readonly #environment: Environment;
  readonly #done = new Map<string, ConfigValue>();
  readonly #failed = new Map<string, Unresolved>();
  readonly #sizes = new WeakMap<object, number>();
  /** What is being resolved, innermost last. */
  readonly #open: string[] = [];

  constructor(root: ConfigNode, environment: Environment) {
    this.#root = root;
    this.#environment = environment;
  }

  /** The resolved value of a node. @throws {Unresolved} */
  valueAt(path: ConfigPath): ConfigValue {
    const node = nodeAt(this.#root, path)!;
    const name = describePath(path);
    const done = this.#done.get(name);
    if (done !== undefined) return done;
    const failed = this.#failed.get(name);
    if (failed !== undefined) throw failed;
    try {
      const value = this.#opened(name, () => this.#evaluate(node, path));
      this.#done.set(name, value);
      return value;
    } catch (error) {
      if (error instanceof Unresolved) this.#failed.set(name, error);
      throw error;
    }
  }

  /** Runs a step of the resolution, unless it is under way already or too far down. */
  #opened(name: string, resolve: () => ConfigValue): ConfigValue {
    if (this.#open.includes(name)) throw new Unresolved(`it refers to itself: ${[...this.#open, name].join(" -> ")}`);
    if (this.#open.length >= MAX_DEPTH) throw new Unresolved(`it refers through more than ${MAX_DEPTH} values`);
    this.#open.push(name);
    try {
      return resolve();
    } finally {
      this.#open.pop();
    }
  }

  #evaluate(node: ConfigNode, path: ConfigPath): ConfigValue {
    if (node.kind === "sequence") {
      return this.#measured(node.items.map((_, index) => this.valueAt([...path, String(index)])));
    }
    if (node.kind === "mapping") {
      const object: Record<string, ConfigValue> = {};
      for (const key of node.entries.keys()) object[key] = this.valueAt([...path, key]);
      return this.#measured(object);
    }
    if (typeof node.value !== "string" || !hasInterpolation(node.value)) return node.value;
    return this.#template(
      parse(() => parseTemplate(node.value as string), node.value),
      path,
    );
  }

  #template(template: Template, at: ConfigPath): ConfigValue {
    const [only] = template;
    if (template.length === 1 && typeof only !== "string") return this.#interpolation(only!, at);
    let text = "";
    for (const part of template) {
      text += typeof part === "string" ? part : toText(this.#interpolation(part, at));
      if (text.length > MAX_TEXT) throw new Unresolved(`it grows beyond ${MAX_TEXT} characters`);
    }
    return text;
  }

  /** References share what they copy, so a few lines can stand for billions of values: count them while they are cheap. */
  #measured<Value extends ConfigValue & object>(container: Value): Value {
    let size = 1;
    for (const child of Object.values(container) as ConfigValue[]) {
      size += typeof child === "object" && child !== null ? this.#sizes.get(child)! : 1;
    }
    if (size > MAX_VALUES) throw new Unresolved(`it grows beyond ${MAX_VALUES} values`);
    this.#sizes.set(container, size);
    return container;
  }

  #interpolation(interpolation: Interpolation, at: ConfigPath): ConfigValue {
    if (interpolation.kind === "resolver") return this.#resolver(interpolation.name, interpolation.args, at);
    return this.#select(this.#target(interpolation.dots, interpolation.path, at));
  }

  /** The absolute path of a reference; one dot is the container that the value stands in. */
  #target(dots: number, template: Template, at: ConfigPath): string[] {
    const parts = template.map((part) => {
      if (typeof part === "string") return part;
      const key = this.#interpolation(part, at);
      if (typeof key !== "string") throw new Unresolved(`expected a text as a part of a reference, got ${toText(key)}`);
      return key;
    });
    const text = parts.join("");
    const steps = parsePath(text);
    if (steps === undefined) throw new Unresolved(`expected a path in \${...}, got ${JSON.stringify(text)}`);
    if (dots > at.length) throw new Unresolved(`\${${".".repeat(dots)}${text}} leads above the root`);
    return dots === 0 ? steps : [...at.slice(0, at.length - dots), ...steps];
  }

  #select(path: readonly string[]): ConfigValue {
    let node: ConfigNode = this.#root;
    for (const [index, key] of path.entries()) {
      if (node.kind === "scalar" && typeof node.value === "string" && hasInterpolation(node.value)) {
        return this.#selectThrough(node.value, path, index);
      }
      const child = childOf(node, key);
      if (child === undefined) throw this.#notFound(path, node, index);
      node = child;
    }
    if (isMissing(node)) throw new Unresolved(`\${${describePath(path)}} is ???: it has to be given a value`);
    return this.valueAt(path);
  }

  /** The step at `index` is below an interpolation: follow a reference to its target, so that only what is needed is resolved. */
  #selectThrough(text: string, path: readonly string[], index: number): ConfigValue {
    const at = path.slice(0, index);
    const template = parse(() => parseTemplate(text), text);
    const [only] = template;
    if (template.length !== 1 || typeof only === "string" || only?.kind !== "reference") {
      throw new Unresolved(
        `\${${describePath(path)}} does not exist: ${describePath(at)} is no reference to a mapping`,
      );
    }
    return this.#opened(`${describePath(path)} of ${describePath(at)}`, () =>
      this.#select([...this.#target(only.dots, only.path, at), ...path.slice(index)]),
    );
  }

  #notFound(path: readonly string[], node: ConfigNode, index: number): Unresolved {
    const meant = node.kind === "mapping" ? nearest(path[index]!, node.entries.keys()) : undefined;
    const hint = meant === undefined ? "" : `; did you mean ${describePath([...path.slice(0, index), meant])}?`;
    return new Unresolved(`\${${describePath(path)}} does not exist${hint}`);
  }

  #resolver(name: string, args: readonly Argument[], at: ConfigPath): ConfigValue {
    const count = (min: number, max: number) => {
      if (args.length >= min && args.length <= max) return;
      throw new Unresolved(`${name}: expected ${min} to ${max} arguments, got ${args.length}`);
    };
    if (name === "oc.env") {
      count(1, 2);
      const variable = toText(this.#argument(args[0]!, at));
      const value = Object.hasOwn(this.#environment, variable) ? this.#environment[variable] : undefined;
      if (value !== undefined) return value;
      if (args.length === 1) throw new Unresolved(`the environment variable ${variable} is not set and has no default`);
      const fallback = this.#argument(args[1]!, at);
      return fallback === null ? null : toText(fallback);
    }
    if (name === "oc.decode") {
      count(1, 1);
      const text = this.#argument(args[0]!, at);
      if (text === null) return null;
      if (typeof text !== "string") throw new Unresolved(`oc.decode: expected a text, got ${toText(text)}`);
      return this.#argument(
        parse(() => parseArgument(text), text),
        at,
      );
    }
    if (name === "oc.select") {
      count(1, 2);
      return this.#selectOr(this.#argument(args[0]!, at), args[1], at);
    }
    throw new Unresolved(`unknown resolver ${name}; known: oc.env, oc.decode, oc.select`);
  }

  /** `oc.select`: the value, or the default where there is none or it is `???`. */
  #selectOr(key: ConfigValue, fallback: Argument | undefined, at: ConfigPath): ConfigValue {
    const text = typeof key === "string" ? key : toText(key);
    const dots = /^\.*/.exec(text)![0].length;
    const path = this.#target(dots, [text.slice(dots)], at);
    const node = nodeAt(this.#root, path);
    if (node !== undefined && !isMissing(node)) return this.valueAt(path);
    return fallback === undefined ? null : this.#argument(fallback, at);
  }

  #argument(argument: Argument, at: ConfigPath): ConfigValue {
    switch (argument.kind) {
      case "literal":
        return argument.value;
      case "template":
        return this.#template(argument.template, at);
      case "quoted":
        return toText(this.#template(argument.template, at));
      case "list":
        return this.#measured(argument.items.map((item) => this.#argument(item, at)));
      case "dict":
        return this.#measured(
          Object.fromEntries(argument.entries.map(([key, value]) => [key, this.#argument(value, at)])),
        );
    }
  }
}

/** A parser's complaint as the reason why a value cannot be resolved. */
function parse<Result>(run: () => Result, text: string): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof InterpolationSyntaxError) throw new Unresolved(`${describeValue(text)}: ${error.message}`);
    throw error;
  }
}

function toText(value: ConfigValue): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}
