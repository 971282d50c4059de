import fc from "fast-check";
import { MAX_TOKEN_IDS, PairTable } from "../src/pair-table.ts";

test("numbers pairs in the order in which they are added, through every growth", () => {
  const id = fc.oneof(fc.nat(40), fc.nat(MAX_TOKEN_IDS - 1));
  fc.assert(
    fc.property(fc.array(fc.tuple(id, id), { maxLength: 300 }), (pairs) => {
      const table = new PairTable(1);
      const expected = new Map<string, number>();
      for (const [left, right] of pairs) {
        const key = `${left} ${right}`;
        expect(table.indexOf(left, right)).toBe(expected.get(key) ?? -1);
        if (!expected.has(key)) expected.set(key, expected.size);
        expect(table.add(left, right)).toBe(expected.get(key));
      }
      for (const [left, right] of pairs) expect(table.indexOf(left, right)).toBe(expected.get(`${left} ${right}`));
    }),
    { seed: 7, numRuns: 100 },
  );
});
