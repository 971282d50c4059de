/**
 * Runs a program by backtracking, and remembers where it failed: since groups do not capture, a choice that failed at a
 * position fails there always. So no expression takes more time than its size times the length of the text.
 */

import type { Range } from "../aligned-text.ts";
import { unitsOf } from "../characters.ts";
import { wordCharacters } from "./character-sets.ts";
import type { Program } from "./program.ts";
import type { AssertionName } from "./syntax.ts";

const FAILED = -1;

/** What is known of one program in one text. A state is a position and a choice. */
class Memory {
  readonly #failed: Uint32Array;
  /** Ends of matches, of programs inside others: these are asked for again from another start. */
  readonly ends = new Map<number, number>();

  constructor(program: Program, text: string) {
    this.#failed = new Uint32Array((program.slots * (text.length + 1) + 31) >>> 5);
  }

  hasFailed(state: number): boolean {
    return ((this.#failed[state >>> 5]! >>> (state & 31)) & 1) === 1;
  }

  setFailed(state: number): void {
    this.#failed[state >>> 5]! |= 1 << (state & 31);
  }

  clearFailed(state: number): void {
    this.#failed[state >>> 5]! &= ~(1 << (state & 31));
  }
}

export class Matcher {
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  /** All matches, from left to right, none inside another; an empty one never stands right after another match. */
  findAll(text: string): Range[] {
    const run = new Run(text, this.#program);
    const found: Range[] = [];
    let lastEnd = -1;
    for (let start = 0; start <= text.length; ) {
      const end = run.matchAt(this.#program, start);
      if (end > start || (end === start && lastEnd !== end)) {
        found.push([start, end]);
        lastEnd = end;
      }
      if (end > start) start = end;
      else start += start < text.length ? unitsOf(text.codePointAt(start)!) : 1;
    }
    return found;
  }
}

class Run {
  readonly #text: string;
  readonly #main: Program;
  readonly #memories = new Map<Program, Memory>();

  constructor(text: string, main: Program) {
    this.#text = text;
    this.#main = main;
  }

  /** @returns the end of the match that begins at `start`, or FAILED */
  matchAt(program: Program, start: number): number {
    const text = this.#text;
    const { instructions, slots } = program;
    const memory = this.#memoryOf(program);
    const pending: number[] = []; // triples: instruction, position, length of `path` to return to
    const path: number[] = []; // states that led here
    let at = 0;
    let position = start;
    for (;;) {
      const instruction = instructions[at]!;
      let failed = false;
      let end = FAILED;
      switch (instruction.op) {
        case "set": {
          const point = position < text.length ? text.codePointAt(position)! : -1;
          if (point >= 0 && instruction.set.has(point)) {
            position += unitsOf(point);
            at++;
          } else failed = true;
          break;
        }
        case "run": {
          let count = 0;
          while (count < instruction.max && position < text.length) {
            const point = text.codePointAt(position)!;
            if (!instruction.set.has(point)) break;
            position += unitsOf(point);
            count++;
          }
          if (count >= instruction.min) at++;
          else failed = true;
          break;
        }
        case "split": {
          const state = position * slots + instruction.slot;
          if (memory.hasFailed(state)) failed = true;
          else {
            end = memory.ends.get(state) ?? FAILED;
            if (end >= 0) break;
            memory.setFailed(state); // until it turns out otherwise
            path.push(state);
            pending.push(instruction.second, position, path.length);
            at = instruction.first;
          }
          break;
        }
        case "jump":
          at = instruction.to;
          break;
        case "assert":
          if (holds(instruction.name, text, position)) at++;
          else failed = true;
          break;
        case "look":
          if (this.matchAt(instruction.program, position) >= 0 !== instruction.negative) at++;
          else failed = true;
          break;
        case "behind":
          if (instruction.programs.some((one) => this.#endsAt(one, position)) !== instruction.negative) at++;
          else failed = true;
          break;
        case "atomic": {
          const inner = this.matchAt(instruction.program, position);
          if (inner < 0) failed = true;
          else {
            position = inner;
            at++;
          }
          break;
        }
        case "match":
          end = position;
          break;
      }
      if (end >= 0) {
        for (const state of path) {
          memory.clearFailed(state);
          if (program !== this.#main) memory.ends.set(state, end);
        }
        return end;
      }
      if (failed) {
        if (pending.length === 0) return FAILED;
        path.length = pending.pop()!;
        position = pending.pop()!;
        at = pending.pop()!;
      }
    }
  }

  #memoryOf(program: Program): Memory {
    let memory = this.#memories.get(program);
    if (memory === undefined) {
      memory = new Memory(program, this.#text);
      this.#memories.set(program, memory);
    }
    return memory;
  }

  #endsAt({ length, program }: { length: number; program: Program }, position: number): boolean {
    let start = position;
    for (let i = 0; i < length; i++) {
      if (start === 0) return false;
      start--;
      const unit = this.#text.charCodeAt(start);
      const isPair = unit >= 0xdc00 && unit <= 0xdfff && start > 0 && unitsOf(this.#text.codePointAt(start - 1)!) === 2;
      if (isPair) start--;
    }
    return this.matchAt(program, start) === position;
  }
}

function holds(name: AssertionName, text: string, position: number): boolean {
  switch (name) {
    case "lineStart":
      return position === 0 || (text.charCodeAt(position - 1) === 0x0a && position < text.length);
    case "lineEnd":
      return position === text.length || text.charCodeAt(position) === 0x0a;
    case "textStart":
      return position === 0;
    case "textEnd":
      return position === text.length;
    case "lastLineEnd":
      return position === text.length || (position === text.length - 1 && text.charCodeAt(position) === 0x0a);
    case "wordBoundary":
      return isWordBefore(text, position) !== isWordAt(text, position);
    case "noWordBoundary":
      return isWordBefore(text, position) === isWordAt(text, position);
  }
}

function isWordAt(text: string, position: number): boolean {
  return position < text.length && wordCharacters().has(text.codePointAt(position)!);
}

function isWordBefore(text: string, position: number): boolean {
  if (position === 0) return false;
  const before = position > 1 ? text.codePointAt(position - 2)! : 0;
  return wordCharacters().has(before > 0xffff ? before : text.charCodeAt(position - 1));
}
