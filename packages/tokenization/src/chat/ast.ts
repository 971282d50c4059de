/** The tree of a template. Every node knows its line, for errors. */
import type { Value } from "./values.ts";

interface At {
  readonly line: number;
}

export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
}

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "and" | "or";
export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";

export type Expression = At &
  (
    | { readonly type: "constant"; readonly value: Value }
    | { readonly type: "name"; readonly name: string }
    | { readonly type: "list" | "tuple" | "concat"; readonly items: readonly Expression[] }
    | { readonly type: "dict"; readonly entries: readonly (readonly [Expression, Expression])[] }
    | { readonly type: "unary"; readonly operator: "-" | "+" | "not"; readonly operand: Expression }
    | {
        readonly type: "binary";
        readonly operator: BinaryOperator;
        readonly left: Expression;
        readonly right: Expression;
      }
    | {
        readonly type: "compare";
        readonly first: Expression;
        readonly rest: readonly (readonly [CompareOperator, Expression])[];
      }
    | {
        readonly type: "condition";
        readonly test: Expression;
        readonly chosen: Expression;
        readonly otherwise?: Expression;
      }
    | { readonly type: "attribute"; readonly object: Expression; readonly name: string }
    | { readonly type: "item"; readonly object: Expression; readonly index: Expression }
    | { readonly type: "slice"; readonly object: Expression; readonly bounds: readonly (Expression | undefined)[] }
    | { readonly type: "call"; readonly callee: Expression; readonly args: Arguments }
    /** Without an operand it works on the body of a block. */
    | { readonly type: "filter"; readonly name: string; readonly operand?: Expression; readonly args: Arguments }
    | {
        readonly type: "test";
        readonly name: string;
        readonly operand: Expression;
        readonly args: Arguments;
        readonly negated: boolean;
      }
  );

/** What may stand left of `=` and `in`. */
export type Target = At &
  (
    | { readonly type: "name"; readonly name: string }
    | { readonly type: "attribute"; readonly object: string; readonly name: string }
    | { readonly type: "tuple"; readonly items: readonly Target[] }
  );

export interface Signature {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly missing?: Expression }[];
  readonly body: readonly Statement[];
}

export type Statement = At &
  (
    | { readonly type: "data"; readonly text: string }
    | { readonly type: "output"; readonly value: Expression }
    | {
        readonly type: "if";
        readonly branches: readonly (readonly [Expression, readonly Statement[]])[];
        readonly otherwise: readonly Statement[];
      }
    | {
        readonly type: "for";
        readonly target: Target;
        readonly iterable: Expression;
        readonly condition?: Expression;
        readonly body: readonly Statement[];
        readonly otherwise: readonly Statement[];
      }
    | { readonly type: "set"; readonly target: Target; readonly value: Expression }
    | {
        readonly type: "setBlock";
        readonly target: Target;
        readonly filter?: Expression;
        readonly body: readonly Statement[];
      }
    | { readonly type: "filterBlock"; readonly filter: Expression; readonly body: readonly Statement[] }
    | {
        readonly type: "with";
        readonly values: readonly (readonly [Target, Expression])[];
        readonly body: readonly Statement[];
      }
    | { readonly type: "macro"; readonly macro: Signature }
    | { readonly type: "callBlock"; readonly call: Expression; readonly caller: Signature }
    | { readonly type: "generation"; readonly body: readonly Statement[] }
    | { readonly type: "break" | "continue" }
  );
