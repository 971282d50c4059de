import { type Components, type DecoderCase, golden, parse, withCharsMap } from "./golden.ts";

const { texts, components } = golden<Components>("components.json.gz");
const decoders = golden<DecoderCase[]>("decoders.json.gz");

const INVALID_BYTE = 13; // <0xFF>

/** A model that knows no token gives each piece back as it is. */
const PIECES = { type: "Unigram", unk_id: 0, vocab: [["<unk>", 0]], byte_fallback: false };

test.each(components)("$name: pieces and offsets", ({ normalizer, pre_tokenizer, cases }) => {
  const tokenizer = parse(withCharsMap({ normalizer, pre_tokenizer, model: PIECES }));
  const found = texts.map((text) => {
    const { tokens, offsets } = tokenizer.encodeFull(text, { offsets: "codePoints", allowedSpecial: "all" });
    return [tokens, offsets.flat()];
  });
  for (const [index, text] of texts.entries()) expect([text, ...found[index]!]).toEqual([text, ...cases[index]!]);
});

test.each(decoders.map((one) => ({ name: JSON.stringify(one.decoder), ...one })))(
  "decoder $name",
  ({ decoder, model, lists, texts }) => {
    const added_tokens = [{ id: model.vocab["<s>"], content: "<s>", special: true, normalized: false }];
    const tokenizer = parse({ decoder, model, added_tokens });
    lists.forEach((ids, index) => {
      const text = tokenizer.decode(ids);
      if (texts[index] !== null) expect([ids, text]).toEqual([ids, texts[index]]);
      const stream = tokenizer.streamDecoder();
      const streamed = ids.map((id) => stream.push(id)).join("") + stream.end();
      // A stream cannot know that the bytes of a whole character are followed by one that is none, or equal by equal.
      if (decoder?.type !== "CTC" && !ids.includes(INVALID_BYTE)) expect(streamed).toBe(text);
    });
  },
);
