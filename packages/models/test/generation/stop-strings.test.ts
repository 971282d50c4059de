import { createStopStrings } from "@codex/models";
import fc from "fast-check";

function run(stops: string[], pieces: string[]): { text: string; found: boolean } {
  const matcher = createStopStrings(stops);
  const text = pieces.map((piece) => matcher.push(piece)).join("") + matcher.end();
  return { text, found: matcher.found };
}

test("cuts before a stop string that comes in pieces", () => {
  expect(run(["\n\nUser:"], ["Hello.\n", "\nUs", "er: and more"])).toEqual({ text: "Hello.", found: true });
});

test("gives back what only looked like a stop string", () => {
  const matcher = createStopStrings(["END"]);
  expect(matcher.push("the E")).toBe("the ");
  expect(matcher.push("N")).toBe("");
  expect(matcher.push("d EN")).toBe("ENd ");
  expect(matcher.end()).toBe("EN");
  expect(matcher.found).toBe(false);
});

test("the string that is complete first counts, and of two that end together the longer one", () => {
  expect(run(["ccc", "b"], ["aabaccc"])).toEqual({ text: "aa", found: true });
  expect(run(["baa", "a"], ["baa"])).toEqual({ text: "b", found: true });
  expect(run(["a", "ba"], ["cba"])).toEqual({ text: "c", found: true });
});

test("without stop strings everything passes at once", () => {
  expect(createStopStrings(["", ""]).push("abc")).toBe("abc");
});

test("however the text is cut, the result is that of the whole text", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 30 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 4 }), { maxLength: 3 });
  fc.assert(
    fc.property(letters, stops, (text, wanted) => {
      const whole = run(wanted, [text]);
      expect(run(wanted, [...text])).toEqual(whole);
      expect(whole.found).toBe(wanted.some((stop) => text.includes(stop)));
      expect(text.startsWith(whole.text)).toBe(true);
      expect(whole.found || whole.text === text).toBe(true);
    }),
    { seed: 2, numRuns: 300 },
  );
});
