import { charsMap, columns, golden, parse, type Shape, withCharsMap } from "./golden.ts";

const shapes = golden<Shape[]>("shapes.json.gz");

describe.each(shapes)("$name", ({ json, texts, cases }) => {
  const tokenizer = parse(withCharsMap(json));

  test("ids, tokens, offsets, word ids and type ids are those of Hugging Face tokenizers", () => {
    texts.forEach((text, index) => {
      const { types, special, decoded, ...expected } = cases[index]!;
      const encoding = tokenizer.encodeFull(text, { offsets: "codePoints", allowedSpecial: "all" });
      expect({ text, ...columns(encoding) }).toEqual({ text, ...expected });
      expect(Array.from(encoding.typeIds)).toEqual(types);
      expect(Array.from(encoding.specialTokensMask)).toEqual(special);
      expect(Array.from(encoding.attentionMask)).toEqual(types.map(() => 1));
      expect(Array.from(tokenizer.encode(text, { allowedSpecial: "all" }))).toEqual(expected.ids);
      expect(tokenizer.decode(expected.ids)).toBe(decoded);
    });
  });

  test("special tokens never come out of text unless asked for", () => {
    const { unk } = { unk: json.model["unk_token"] ?? "<unk>" };
    for (const { token, id } of [...tokenizer.specialTokens.additional]) {
      if (token === unk) continue;
      for (const text of [token, `a ${token} b`, ` ${token}`]) {
        const ids = tokenizer.encode(text, { addSpecialTokens: false });
        expect(Array.from(ids)).not.toContain(id);
        expect(Array.from(tokenizer.encodeFull(text, { addSpecialTokens: false }).ids)).toEqual(Array.from(ids));
      }
    }
  });
});

test("the character map is that of nmt_nfkc", () => {
  expect(charsMap().length).toBeGreaterThan(100_000);
});
