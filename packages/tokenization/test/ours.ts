/** The tokenizers whose files Hugging Face tokenizers and transformers have opened (test/golden/ours, ours.json). */
import { createByteTokenizer, type Tokenizer, trainByteLevelBpe, trainCharTokenizer } from "@codex/tokenization";

const CORPUS = [
  "interface Array<T> {\n    length: number;\n    push(...items: T[]): number;\n}\n",
  "It's 1234567 o'clock.\r\n\tna\u00efve \u4f60\u597d \ud83d\ude00 __proto__ 0 1 2\n",
];
const ROLES = { pad: "<pad>", unk: "<unk>", bos: "<s>", eos: "</s>" };

export const OURS: Record<string, () => Promise<Tokenizer>> = {
  bpe: () => trainByteLevelBpe(CORPUS, { vocabSize: 300 }),
  "bpe-roles": () =>
    trainByteLevelBpe(CORPUS, {
      vocabSize: 300,
      specialTokens: { ...ROLES, additional: ["<|im_start|>"] },
      preTokenizer: "llama3",
    }),
  byte: async () => createByteTokenizer(),
  char: () => trainCharTokenizer([...CORPUS, ...TEXTS]),
  "char-unk": () => trainCharTokenizer([...CORPUS, ...TEXTS], { specialTokens: ROLES }),
};

/** Made of the characters of the corpus, with special tokens in it. */
export const TEXTS = [
  "",
  "interface Item { push: number; }\n",
  "It's 12345 o'clock </s> <s><pad>",
  "<|endoftext|><|im_start|>",
  "na\u00efve \u4f60\u597d \ud83d\ude00\r\n\t\t  __proto__",
];
export const OUTSIDE = "\u00e9tude \ud83c\udf89 {~}";
