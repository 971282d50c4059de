import { type Outcome, pendingEffects, possibleOutcomes } from "./effects.ts";
import type { MemoryFs } from "./memory-fs.ts";

export interface CrashState {
  /** What the disk holds when the power is back. */
  readonly fs: MemoryFs;
  /** Number of effects that happened before the power went off. */
  readonly position: number;
  /** What became of those that were not synced, by their index in the journal; to reproduce a failure. */
  readonly outcomes: ReadonlyMap<number, Outcome>;
}

export interface CrashStateOptions {
  /** First and last position of the power loss. Default: every prefix of the journal. */
  from?: number;
  to?: number;
  /** At most so many states per position: all there are when they fit, otherwise a sample. Default: 64. */
  perPosition?: number;
  /** Chooses the sample. Default: 1. */
  seed?: number;
}

/**
 * Every state in which a power loss may leave the disk: for each prefix of the journal, every combination of outcomes of
 * the effects that were not synced (which covers the reorderings of those that do not overlap: one that is lost came too late). When
 * there are too many, the sample holds all lost, all kept, each one alone changed against those, and random ones.
 */
export function* crashStates(fs: MemoryFs, options: CrashStateOptions = {}): Generator<CrashState> {
  const { journal } = fs;
  const { from = 0, to = journal.length, perPosition = 64, seed = 1 } = options;
  const random = xorshift32(seed);
  for (let position = from; position <= to; position++) {
    const pending = pendingEffects(journal, position);
    for (const choice of choices(
      pending.map((index) => possibleOutcomes(journal[index]!)),
      perPosition,
      random,
    )) {
      const outcomes = new Map(pending.map((index, i) => [index, choice[i]!]));
      yield { fs: fs.afterCrash((index) => outcomes.get(index) ?? "kept", position), position, outcomes };
    }
  }
}

/** Combinations of one option per place: all, or `limit` of them, without repeats. */
function* choices(places: readonly (readonly Outcome[])[], limit: number, random: () => number): Generator<Outcome[]> {
  const total = places.reduce((product, options) => product * options.length, 1);
  if (total <= limit) {
    for (let index = 0; index < total; index++) {
      let rest = index;
      yield places.map((options) => {
        const option = options[rest % options.length]!;
        rest = Math.floor(rest / options.length);
        return option;
      });
    }
    return;
  }
  const seen = new Set<string>();
  for (const choice of candidates(places, random)) {
    const key = choice.join();
    if (seen.has(key)) continue;
    seen.add(key);
    yield choice;
    if (seen.size === limit) return;
  }
}

function* candidates(places: readonly (readonly Outcome[])[], random: () => number): Generator<Outcome[]> {
  for (const base of ["lost", "kept"] as const) {
    yield places.map(() => base);
    for (const [place, options] of places.entries()) {
      for (const option of options) yield places.map((_, i) => (i === place ? option : base));
    }
  }
  for (;;) yield places.map((options) => options[random() % options.length]!);
}

/** Marsaglia's xorshift with (13, 17, 5). Returns uint32. */
function xorshift32(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
