import type { Value } from "./values.ts";

/** Variables by name. A loop, a macro and a block have scopes of their own; what they set is not seen outside. */
export class Scope {
  readonly #parent: Scope | undefined;
  readonly #values: Map<string, Value>;

  constructor(parent?: Scope, values: Map<string, Value> = new Map()) {
    this.#parent = parent;
    this.#values = values;
  }

  get(name: string): Value | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#parent) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}
