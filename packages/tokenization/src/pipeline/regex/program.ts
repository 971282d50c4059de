/** Turns an expression into instructions. */
import { ExpressionError } from "./parse.ts";
import { type AssertionName, type CharacterTest, fixedLength, type Node } from "./syntax.ts";

export type Instruction =
  | { readonly op: "set"; readonly set: CharacterTest }
  /** As many characters of the set as there are, at least `min` and at most `max`: a possessive repetition. */
  | { readonly op: "run"; readonly set: CharacterTest; readonly min: number; readonly max: number }
  /** Goes on at `first`, and if that fails at `second`. `slot` numbers the places where it may have to choose again. */
  | { readonly op: "split"; first: number; second: number; readonly slot: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "assert"; readonly name: AssertionName }
  | { readonly op: "look"; readonly program: Program; readonly negative: boolean }
  /** `lengths`: characters to step back, one program each. */
  | {
      readonly op: "behind";
      readonly programs: readonly { readonly length: number; readonly program: Program }[];
      readonly negative: boolean;
    }
  | { readonly op: "atomic"; readonly program: Program }
  | { readonly op: "match" };

export interface Program {
  readonly instructions: readonly Instruction[];
  /** Number of `split` instructions. */
  readonly slots: number;
}

const MAX_SIZE = 20_000; // nodes, with repetitions written out

export function compile(node: Node): Program {
  return compilePart(node, { left: MAX_SIZE });
}

function compilePart(node: Node, budget: { left: number }): Program {
  const instructions: Instruction[] = [];
  let slots = 0;
  const emit = <One extends Instruction>(instruction: One): One => {
    instructions.push(instruction);
    return instruction;
  };
  const split = () => emit({ op: "split" as const, first: 0, second: 0, slot: slots++ });
  const here = () => instructions.length;

  /** A choice between what is emitted next and what comes after it. */
  const optional = (lazy: boolean): ((skipTo: number) => void) => {
    const choice = split();
    const body = here();
    return (skipTo) => {
      choice.first = lazy ? skipTo : body;
      choice.second = lazy ? body : skipTo;
    };
  };

  const visit = (one: Node): void => {
    if (budget.left-- <= 0) throw new ExpressionError("it is too large with its repetitions written out");
    switch (one.kind) {
      case "set":
        emit({ op: "set", set: one.set });
        break;
      case "sequence":
        for (const item of one.items) visit(item);
        break;
      case "alternatives": {
        const ends: { to: number }[] = [];
        one.items.forEach((item, index) => {
          if (index === one.items.length - 1) {
            visit(item);
            return;
          }
          const finish = optional(false);
          visit(item);
          ends.push(emit({ op: "jump", to: 0 }));
          finish(here());
        });
        for (const end of ends) end.to = here();
        break;
      }
      case "repeat": {
        if (one.mode === "possessive") {
          const { item, min, max } = one;
          if (item.kind === "set") emit({ op: "run", set: item.set, min, max });
          else emit({ op: "atomic", program: compilePart({ ...one, mode: "greedy" }, budget) });
          break;
        }
        const lazy = one.mode === "lazy";
        for (let i = 0; i < one.min; i++) visit(one.item);
        if (one.max === Number.POSITIVE_INFINITY) {
          const top = here();
          const finish = optional(lazy);
          visit(one.item);
          emit({ op: "jump", to: top });
          finish(here());
        } else {
          const finishes: ((skipTo: number) => void)[] = [];
          for (let i = one.min; i < one.max; i++) {
            finishes.push(optional(lazy));
            visit(one.item);
          }
          for (const finish of finishes) finish(here());
        }
        break;
      }
      case "look":
        if (one.behind) emit({ op: "behind", programs: lookBehind(one.item, budget), negative: one.negative });
        else emit({ op: "look", program: compilePart(one.item, budget), negative: one.negative });
        break;
      case "atomic":
        emit({ op: "atomic", program: compilePart(one.item, budget) });
        break;
      case "assertion":
        emit({ op: "assert", name: one.name });
        break;
    }
  };
  visit(node);
  emit({ op: "match" });
  return { instructions, slots };
}

function lookBehind(node: Node, budget: { left: number }): { length: number; program: Program }[] {
  const items = node.kind === "alternatives" ? node.items : [node];
  return items.map((item) => {
    const length = fixedLength(item);
    if (length === undefined) throw new ExpressionError("a look-behind of varying length");
    return { length, program: compilePart(item, budget) };
  });
}
