import { PipelineTokenizer, parseTokenizer, trainByteLevelBpe } from "@codex/tokenization";
import { pieceEnd } from "../src/pre-tokenizer.ts";
import { golden } from "./golden.ts";

const { texts, ends } = golden<{ texts: string[]; ends: Record<"gpt2" | "llama3" | "qwen2", number[][]> }>(
  "pieces.json",
);

test.each(["gpt2", "llama3", "qwen2"] as const)(
  "%s cuts where the expression of Hugging Face tokenizers cuts",
  (name) => {
    const cut = pieceEnd(name);
    const cuts = texts.map((text) => {
      const found: number[] = [];
      for (let start = 0; start < text.length; ) {
        start = cut(text, start);
        found.push(Array.from(text.slice(0, start)).length); // code points, as in the fixture
      }
      return found;
    });
    expect(cuts).toEqual(ends[name]);
  },
);

test("a tokenizer.json with another expression is read by the general pipeline; one that needs a back-reference is refused by name", async () => {
  const json = JSON.parse(JSON.stringify(await trainByteLevelBpe(["abc"], { vocabSize: 258, preTokenizer: "llama3" })));
  json.pre_tokenizer.pretokenizers[0].pattern.Regex = "\\w+";
  expect(parseTokenizer(json)).toBeInstanceOf(PipelineTokenizer);
  json.pre_tokenizer.pretokenizers[0].pattern.Regex = "(\\w)\\1";
  expect(() => parseTokenizer(json)).toThrow(
    expect.objectContaining({
      code: "TOKENIZER_UNSUPPORTED",
      message: expect.stringMatching(
        /pre_tokenizer\.pretokenizers\[0\]\.pattern\.Regex: .*the escape \\1 at character 6/,
      ),
    }),
  );
});
