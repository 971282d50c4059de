import { createByteTokenizer, parseTokenizer, trainByteLevelBpe } from "@codex/tokenization";

const tokenizer = createByteTokenizer({ specialTokens: { bos: "<s>", eos: "</s>", additional: ["<s><s>", "[a-z]+"] } });
const encode = (text: string, allowedSpecial?: "all" | "none" | ReadonlySet<string>) =>
  Array.from(tokenizer.encode(text, allowedSpecial === undefined ? {} : { allowedSpecial }));

test("ids are given in the order pad, unk, bos, eos, additional; a text in two roles has one id", () => {
  expect(tokenizer.specialTokens).toEqual({
    bos: { token: "<s>", id: 256 },
    eos: { token: "</s>", id: 257 },
    additional: [
      { token: "<s><s>", id: 258 },
      { token: "[a-z]+", id: 259 },
    ],
  });
  const both = createByteTokenizer({ specialTokens: { bos: "<|x|>", eos: "<|x|>" } });
  expect(both.vocabSize).toBe(257);
  expect(both.specialTokens).toEqual({
    bos: { token: "<|x|>", id: 256 },
    eos: { token: "<|x|>", id: 256 },
    additional: [],
  });
  expect(createByteTokenizer({ specialTokens: {} }).vocabSize).toBe(256);
});

test("text makes special tokens only where it is allowed to, the longest first", () => {
  expect(encode("<s>")).toEqual([60, 115, 62]);
  expect(encode("<s><s><s>x</s>", "all")).toEqual([258, 256, 120, 257]);
  expect(encode("<s></s>", new Set(["</s>"]))).toEqual([60, 115, 62, 257]);
  expect(encode("[a-z]+ abc", "all")).toEqual([259, 32, 97, 98, 99]); // the name is no expression
  expect(() => encode("x", new Set(["<pad>"]))).toThrow(
    expect.objectContaining({
      code: "TOKENIZER_SPECIAL_TOKEN_UNKNOWN",
      message: expect.stringContaining("there are: <s>, </s>"),
    }),
  );
});

test("decode leaves special tokens out unless asked", () => {
  expect(tokenizer.decode([256, 120, 257])).toBe("x");
  expect(tokenizer.decode([256, 120, 257], { skipSpecialTokens: false })).toBe("<s>x</s>");
  expect(() => tokenizer.decode([260])).toThrow(expect.objectContaining({ code: "TOKENIZER_UNKNOWN_ID" }));
});

test("no merge makes a special token, however often its text stands in the corpus", async () => {
  const trained = await trainByteLevelBpe(["aab aab aab aab"], { vocabSize: 270, specialTokens: { eos: "aab" } });
  expect(Array.from(trained.encode("aab")).includes(trained.endOfTextId!)).toBe(false);
  expect(trained.decode(trained.encode("aab"))).toBe("aab");
  expect(Array.from(trained.encode("aab", { allowedSpecial: "all" }))).toEqual([trained.endOfTextId]);
});

test("nor does a merge, or a whole piece, of a file that has a special token among the ordinary ones", async () => {
  const json = JSON.parse(JSON.stringify(await trainByteLevelBpe(["ab ab ab"], { vocabSize: 258 })));
  expect(json.model.merges).toEqual([["a", "b"]]);
  json.added_tokens.push({ id: json.model.vocab.ab, content: "ab", special: true });
  for (const ignore_merges of [false, true]) {
    json.model.ignore_merges = ignore_merges;
    const tokenizer = parseTokenizer(json);
    expect(Array.from(tokenizer.encode("ab"))).toEqual([json.model.vocab.a, json.model.vocab.b]);
    expect(Array.from(tokenizer.encode("ab", { allowedSpecial: "all" }))).toEqual([json.model.vocab.ab]);
  }
});

test("names that cannot be are refused", async () => {
  const train = (specialTokens: object) => trainByteLevelBpe(["abc"], { vocabSize: 300, specialTokens });
  await expect(train({ eos: "" })).rejects.toMatchObject({ code: "TOKENIZER_OPTIONS_INVALID" });
  await expect(train({ eos: "\ud83d" })).rejects.toMatchObject({ code: "TOKENIZER_OPTIONS_INVALID" });
  expect(() => createByteTokenizer({ specialTokens: { pad: "!" } })).toThrow(
    expect.objectContaining({ code: "TOKENIZER_SPECIAL_TOKEN_CONFLICT" }),
  );
  await expect(train({ eos: "a" })).rejects.toMatchObject({ code: "TOKENIZER_SPECIAL_TOKEN_CONFLICT" });
});
