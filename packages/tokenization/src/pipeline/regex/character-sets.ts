/** The named sets of expressions: `\p{Lu}`, `\s`, `[:alpha:]`; with the tables of Oniguruma where they are ours to choose. */
import { SPACE, unicodeClasses } from "../../unicode-classes.ts";
import { lazy, unitsOf } from "../characters.ts";
import { CodePointSet, parseValues } from "../code-point-set.ts";
import { GENERAL_CATEGORIES, GENERAL_CATEGORY_NAMES, REGEX_WORD } from "../unicode-tables.ts";
import type { CharacterTest } from "./syntax.ts";

const categories = lazy(() => parseValues(GENERAL_CATEGORIES));
const known = new Map<string, CodePointSet | undefined>();

const LONG_NAMES: Readonly<Record<string, string>> = {
  letter: "L",
  mark: "M",
  number: "N",
  punctuation: "P",
  punct: "P",
  symbol: "S",
  separator: "Z",
  other: "C",
  uppercaseletter: "Lu",
  lowercaseletter: "Ll",
  titlecaseletter: "Lt",
  modifierletter: "Lm",
  otherletter: "Lo",
  nonspacingmark: "Mn",
  decimalnumber: "Nd",
  digit: "Nd",
};

export const ANY = lazy(() => ranges([0, 0x10ffff]));
export const whiteSpace = lazy(() => fromPoints((point) => unicodeClasses()[point] === SPACE));
export const wordCharacters = lazy(() => CodePointSet.parse(REGEX_WORD));
export const digits = lazy(() => category("Nd")!);
export const hexDigits = lazy(() => ranges([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]));
export const notNewline = lazy(() => ranges([0x0a, 0x0a]).complement());

/** @returns undefined for a property that is not known */
export function property(name: string): CodePointSet | undefined {
  const key = name.toLowerCase().replace(/[\s_-]/g, "");
  if (!known.has(key)) known.set(key, readProperty(name.trim(), key));
  return known.get(key);
}

/** `[:alpha:]` */
export function posixClass(name: string): CodePointSet | undefined {
  switch (name) {
    case "alpha":
      return scriptOrBinary("Alphabetic");
    case "digit":
      return digits();
    case "alnum": {
      const set = new CodePointSet();
      set.addAll(scriptOrBinary("Alphabetic")!);
      set.addAll(digits());
      return set;
    }
    case "space":
      return whiteSpace();
    case "upper":
      return scriptOrBinary("Uppercase");
    case "lower":
      return scriptOrBinary("Lowercase");
    case "punct": {
      const set = new CodePointSet();
      for (const group of ["P", "S"]) set.addAll(category(group)!);
      return set;
    }
    case "word":
      return wordCharacters();
    case "xdigit":
      return hexDigits();
    case "cntrl":
      return category("Cc");
    case "blank":
      return ranges(
        [9, 9],
        [0x20, 0x20],
        [0xa0, 0xa0],
        [0x1680, 0x1680],
        [0x2000, 0x200a],
        [0x202f, 0x202f],
        [0x205f, 0x205f],
        [0x3000, 0x3000],
      );
    default:
      return undefined;
  }
}

export function single(point: number, ignoreCase: boolean): CharacterTest {
  const others = ignoreCase ? otherCases(point) : [];
  return { has: (one) => one === point || others.includes(one) };
}

/** Adds the other cases of a range (simple folding, as `(?i)` asks for). */
export function addOtherCases(set: CodePointSet, first: number, last: number): void {
  for (let point = first; point <= last; point++) for (const other of otherCases(point)) set.addRange(other, other);
}

export function ranges(...list: readonly (readonly [number, number])[]): CodePointSet {
  const set = new CodePointSet();
  for (const [first, last] of list) set.addRange(first, last);
  return set;
}

const folds = lazy(() => {
  const byFold = new Map<string, number[]>();
  for (let point = 0x41; point < 0x1e944; point++) {
    if (point === 0x3400) point = 0xa000; // no case in between
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const character = String.fromCodePoint(point);
    const fold = character.toUpperCase().toLowerCase();
    if (fold === character && character.toUpperCase() === character) continue;
    if (unitsOf(fold.codePointAt(0)!) !== fold.length) continue; // full folding: one character to several
    const group = byFold.get(fold);
    if (group === undefined) byFold.set(fold, [point]);
    else group.push(point);
  }
  return byFold;
});

function otherCases(point: number): readonly number[] {
  if (point >= 0xd800 && point <= 0xdfff) return [];
  return folds().get(String.fromCodePoint(point).toUpperCase().toLowerCase()) ?? [];
}

function readProperty(name: string, key: string): CodePointSet | undefined {
  if (key === "any") return ANY();
  if (key === "l&" || key === "lc") {
    const set = new CodePointSet();
    for (const one of ["Lu", "Ll", "Lt"]) set.addAll(category(one)!);
    return set;
  }
  if (key === "cn" || key === "unassigned")
    return fromPoints((point) => categories()[point] === 0 && !isSurrogate(point));
  const long = LONG_NAMES[key] ?? `${key.charAt(0).toUpperCase()}${key.slice(1)}`;
  return category(long) ?? posixClass(key) ?? scriptOrBinary(name.replace(/^(script|sc|scx|gc|generalcategory)=/i, ""));
}

/** A general category, or a group of them by its first letter. */
function category(name: string): CodePointSet | undefined {
  const values = new Set<number>();
  GENERAL_CATEGORY_NAMES.forEach((one, index) => {
    if (one === name || one.charAt(0) === name) values.add(index + 1);
  });
  if (name === "C") values.add(0);
  if (values.size === 0) return undefined;
  return fromPoints((point) => values.has(categories()[point]!));
}

/** By the tables of Node.js: scripts and binary properties of assigned characters hardly change. */
function scriptOrBinary(name: string): CodePointSet | undefined {
  const spelled = name
    .split(/[\s_-]/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
    .join("_");
  for (const expression of [`\\p{Script=${spelled}}`, `\\p{${spelled}}`]) {
    let pattern: RegExp;
    try {
      pattern = new RegExp(`${expression}+`, "gu");
    } catch {
      continue; // no such script or property: the next spelling, or undefined
    }
    return fromRuns(pattern);
  }
  return undefined;
}

/** @param pattern - matches runs of characters of the set */
function fromRuns(pattern: RegExp): CodePointSet {
  const set = new CodePointSet();
  const block = 0x800; // so that surrogates are blocks of their own
  for (let start = 0; start < 0x110000; start += block) {
    if (start === 0xd800) continue;
    const text = String.fromCodePoint(...Array.from({ length: block }, (_, index) => start + index));
    for (const { 0: run } of text.matchAll(pattern)) {
      const first = run.codePointAt(0)!;
      set.addRange(first, first + [...run].length - 1);
    }
  }
  return set;
}

function fromPoints(has: (point: number) => boolean): CodePointSet {
  const set = new CodePointSet();
  let first = -1;
  for (let point = 0; point <= 0x110000; point++) {
    const inside = point < 0x110000 && has(point);
    if (inside && first < 0) first = point;
    if (!inside && first >= 0) {
      set.addRange(first, point - 1);
      first = -1;
    }
  }
  return set;
}

function isSurrogate(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff;
}
