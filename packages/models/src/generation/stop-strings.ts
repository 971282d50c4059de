/** Finds stop strings in text that arrives in pieces, where a string may begin in one piece and end in another. */
export interface StopStrings {
  /** Takes the next piece and returns the text that is safe to show: no part of a stop string, nor what may become one. */
  push(text: string): string;
  /** Whether a stop string has come; everything after it is dropped. */
  readonly found: boolean;
  /** The text held back, once no more will come. */
  end(): string;
}

/** A matcher for one generation; empty strings are ignored. */
export function createStopStrings(stops: readonly string[]): StopStrings {
  const wanted = stops.filter((stop) => stop !== "");
  let held = "";
  let found = false;
  return {
    get found() {
      return found;
    },
    push(text) {
      if (found) return "";
      held += text;
      const match = firstMatch(held, wanted);
      found = match !== undefined;
      const safe = match ?? held.length - longestOpenMatch(held, wanted);
      const shown = held.slice(0, safe);
      held = found ? "" : held.slice(safe);
      return shown;
    },
    end() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

/** Where the string begins that is complete first; of those that are complete together, the longest. */
function firstMatch(text: string, stops: readonly string[]): number | undefined {
  const matches = stops
    .map((stop) => ({ start: text.indexOf(stop), length: stop.length }))
    .filter(({ start }) => start >= 0);
  matches.sort((a, b) => a.start + a.length - (b.start + b.length) || a.start - b.start);
  return matches[0]?.start;
}

/** Length of the longest end of `text` that begins one of the strings. */
function longestOpenMatch(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const tail = text.slice(-length);
    if (stops.some((stop) => stop.startsWith(tail))) return length;
  }
  return 0;
}
