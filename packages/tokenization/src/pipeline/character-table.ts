/** A normalizer and a pre-tokenizer that look at one character at a time, as the table that the native library takes. */
import { AlignedText } from "./aligned-text.ts";
import { combiningClasses, unitsOf } from "./characters.ts";
import { characterMapper, characterSteps } from "./normalizers/character-steps.ts";
import { readNormalizer } from "./normalizers/read-normalizer.ts";
import { ALONE, type PieceClass, pieceClasses, REMOVED } from "./pre-tokenizers/piece-classes.ts";

/** See `Characters` in crates/tokenizer/src/wordpiece. */
export interface CharacterTable {
  /** First code points of runs that share an action. */
  readonly firsts: Uint32Array;
  /** Of each run. */
  readonly actions: Uint32Array;
  /** Code points and classes of what characters become that become several. */
  readonly lists: Uint32Array;
  /** Where each list begins, and one more at the end. */
  readonly listStarts: Uint32Array;
}

// Bits of an action: code point or number of a list (21), class (6), whether it reorders (1), what is done (2).
const CLASS_SHIFT = 21;
const REORDERS = 1 << 27;
const REPLACE = 1 << 28;
const DROP = 2 << 28;
const LIST = 3 << 28;
const POINTS = 0x110000;

const MAX_TABLES = 8;
const tables = new Map<string, CharacterTable | undefined>();

/** Of a `normalizer` and a `pre_tokenizer` that were read before; undefined if one of them does more than a table can say. */
export function characterTable(normalizer: unknown, preTokenizer: unknown): CharacterTable | undefined {
  const key = JSON.stringify([normalizer, preTokenizer]);
  if (!tables.has(key)) {
    if (tables.size >= MAX_TABLES) tables.clear();
    tables.set(key, makeTable(normalizer, preTokenizer));
  }
  return tables.get(key);
}

function makeTable(normalizer: unknown, preTokenizer: unknown): CharacterTable | undefined {
  const steps = characterSteps(normalizer);
  const classOf = pieceClasses(preTokenizer);
  if (steps === undefined || classOf === undefined) return undefined;
  const map = characterMapper(steps);
  const reorders = steps.some((step) => typeof step === "string") ? combiningClasses() : undefined;
  const normalize = readNormalizer(normalizer);
  const lists = new Lists();
  const firsts: number[] = [];
  const actions: number[] = [];
  let last = -1;
  for (let point = 0; point < POINTS; point++) {
    const character = String.fromCodePoint(point);
    const text = map(point, character);
    let action: number;
    if (text === character) {
      action = (classOf(point) << CLASS_SHIFT) | (changesPlaces(point, reorders) ? REORDERS : 0);
    } else {
      const items = itemsOf(text, classOf);
      const moves = items.some((item) => changesPlaces(pointOf(item), reorders));
      // What the steps make of it may have marks that a form puts in order.
      const ordered =
        moves && items.length > 1 ? itemsOf(normalize!(AlignedText.of(character, false)).text, classOf) : items;
      action = (actionOf(point, ordered, lists) | (moves ? REORDERS : 0)) >>> 0;
    }
    if (action === last) continue;
    last = action;
    firsts.push(point);
    actions.push(action);
  }
  return { firsts: Uint32Array.from(firsts), actions: Uint32Array.from(actions), ...lists.build() };
}

const pointOf = (item: number): number => item & ((1 << CLASS_SHIFT) - 1);
const isRemoved = (item: number): boolean => item >>> CLASS_SHIFT === REMOVED;

/** Code points and their classes. */
function itemsOf(text: string, classOf: PieceClass): number[] {
  const items: number[] = [];
  for (let i = 0; i < text.length; ) {
    const point = text.codePointAt(i)!;
    items.push(point | (classOf(point) << CLASS_SHIFT));
    i += unitsOf(point);
  }
  return items;
}

/** Of a character that becomes this. Between two that are removed, one is alone. */
function actionOf(character: number, items: readonly number[], lists: Lists): number {
  const [first, second, third] = items as [number, number, number];
  if (items.length === 0) return DROP;
  if (items.every(isRemoved)) return 0;
  if (items.length === 1) return REPLACE | first;
  if (items.length === 3 && isRemoved(first) && isRemoved(third)) {
    const alone = ALONE << CLASS_SHIFT;
    return pointOf(second) === character ? alone : REPLACE | alone | pointOf(second);
  }
  return LIST | lists.add(items);
}

/** A mark, by the order of marks; and half of a pair, which finds the other half when what stood between them is dropped. */
function changesPlaces(point: number, reorders: Uint8Array | undefined): boolean {
  return (point >= 0xd800 && point <= 0xdfff) || (reorders !== undefined && reorders[point] !== 0);
}

class Lists {
  readonly #items: number[] = [];
  readonly #starts: number[] = [0];
  readonly #known = new Map<string, number>();

  add(items: readonly number[]): number {
    const key = items.join(" ");
    let index = this.#known.get(key);
    if (index === undefined) {
      index = this.#known.size;
      this.#known.set(key, index);
      this.#items.push(...items);
      this.#starts.push(this.#items.length);
    }
    return index;
  }

  build(): { lists: Uint32Array; listStarts: Uint32Array } {
    return { lists: Uint32Array.from(this.#items), listStarts: Uint32Array.from(this.#starts) };
  }
}
