import type { EncodeFullOptions, FullEncoding, TruncationOptions } from "@codex/tokenization";
import { columns, golden, parse, type Row, type RowCase } from "./golden.ts";

type Rows = { json: object; texts: [string, string | null][]; cases: RowCase[] };
const [{ json, texts, cases }] = golden<[Rows]>("rows.json.gz");

function row(encoding: FullEncoding): Row {
  return {
    ...columns(encoding),
    types: Array.from(encoding.typeIds),
    special: Array.from(encoding.specialTokensMask),
    attention: Array.from(encoding.attentionMask),
    overflowing: encoding.overflowing.map(row),
  };
}

test.each(cases)("$post_processor.type, $truncation, $padding, $addSpecialTokens", (one) => {
  const { post_processor, truncation, padding, addSpecialTokens } = one;
  const tokenizer = parse({ ...json, post_processor });
  const options: Omit<EncodeFullOptions, "pair"> = {
    offsets: "codePoints",
    allowedSpecial: "all",
    addSpecialTokens,
    ...(truncation === null
      ? {}
      : {
          truncation: {
            maxLength: truncation.max_length,
            stride: truncation.stride,
            side: truncation.direction,
            strategy: truncation.strategy,
          } as TruncationOptions,
        }),
    ...(padding === null
      ? {}
      : {
          padding: {
            length: (padding["length"] as number | undefined) ?? ("longest" as const),
            side: (padding["direction"] as "left" | undefined) ?? "right",
            multipleOf: (padding["pad_to_multiple_of"] as number | undefined) ?? 1,
            id: (padding["pad_id"] as number | undefined) ?? 0,
            typeId: (padding["pad_type_id"] as number | undefined) ?? 0,
            token: (padding["pad_token"] as string | undefined) ?? "[PAD]",
          },
        }),
  };
  texts.forEach(([text, pair], index) => {
    const encode = () => tokenizer.encodeFull(text, pair === null ? options : { ...options, pair });
    const expected = one.rows[index];
    if (expected === null) expect(encode).toThrow(expect.objectContaining({ name: "TokenizerError" }));
    else expect(row(encode())).toEqual(expected);
  });
  const batch = () =>
    tokenizer.encodeFullBatch(
      texts.map(([text, pair]) => (pair === null ? text : [text, pair])),
      options,
    );
  if (one.batch === null) expect(batch).toThrow(expect.objectContaining({ name: "TokenizerError" }));
  else expect(batch().map(({ ids }) => Array.from(ids))).toEqual(one.batch);
});
