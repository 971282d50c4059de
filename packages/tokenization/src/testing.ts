/**
 * @module The contract of a tokenizer as tests, for those who write one. Works with any test runner:
 *
 * ```ts
 * for (const { name, run } of tokenizerContract({ create: () => myTokenizer })) test(name, run);
 * ```
 */
import assert from "node:assert/strict";
import type { Tokenizer } from "./tokenizer.ts";

export interface TokenizerContractOptions {
  create(): Tokenizer | Promise<Tokenizer>;
  /** Makes a tokenizer of what `saveFiles` gave. Without it that part is not tested. */
  load?(files: Record<string, string>): Tokenizer | Promise<Tokenizer>;
  /** Texts that must come back as they were. Default: several scripts, white space, control characters, emoji. */
  readonly texts?: readonly string[];
}

export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}

const TEXTS = [
  "",
  "Hello, world!",
  "  two  spaces\tand a tab\r\n\r\nlines \n",
  "na\u00efve caf\u00e9 \u4f60\u597d\u4e16\u754c \u0645\u0631\u062d\u0628\u0627 \u0939\u093f\u0928\u094d\u0926\u0940",
  "\ud83d\udc69\u200d\ud83d\udcbb \ufeff\u0000\u007f 1234567890 it's we'LL",
  "const __proto__ = { constructor: [1, 2] };",
];

export function tokenizerContract(options: TokenizerContractOptions): ContractCase[] {
  const texts = options.texts ?? TEXTS;
  const withTokenizer = (name: string, run: (tokenizer: Tokenizer) => void | Promise<void>): ContractCase => ({
    name,
    run: async () => run(await options.create()),
  });
  const tests = [
    withTokenizer("a text comes back as it was", (tokenizer) => {
      for (const text of texts) assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
    }),
    withTokenizer("ids are in the vocabulary, and the same every time", (tokenizer) => {
      assert.ok(Number.isInteger(tokenizer.vocabSize) && tokenizer.vocabSize > 0, "vocabSize is a positive integer");
      for (const text of texts) {
        const ids = tokenizer.encode(text);
        assert.ok(ids instanceof Uint32Array, "encode gives a Uint32Array");
        for (const id of ids) {
          assert.ok(id < tokenizer.vocabSize, `id ${id} of ${JSON.stringify(text)} is not below vocabSize`);
          const token = tokenizer.idToToken(id);
          assert.ok(token !== undefined, `id ${id} has no token`);
          assert.equal(tokenizer.tokenToId(token), id);
        }
        assert.deepEqual(tokenizer.encode(text), ids);
      }
      assert.equal(tokenizer.idToToken(tokenizer.vocabSize), undefined);
    }),
    withTokenizer("text does not become a special token unless it is allowed to", (tokenizer) => {
      for (const { token, id } of allSpecial(tokenizer)) {
        assert.equal(tokenizer.tokenToId(token), id);
        assert.equal(tokenizer.tokenByteLength?.(id) ?? 0, 0);
        assert.ok(tokenizer.encode(token, { addSpecialTokens: false, allowedSpecial: "all" }).includes(id));
        if (tokenizer.specialTokens.unk?.id === id) continue; // what an unknown character gives
        assert.ok(
          !tokenizer.encode(token, { addSpecialTokens: false }).includes(id),
          `${token} in a text became special`,
        );
        assert.equal(tokenizer.decode([id]), "");
        assert.equal(tokenizer.decode([id], { skipSpecialTokens: false }), token);
      }
    }),
    withTokenizer("a stream gives the same text as the whole", (tokenizer) => {
      for (const text of texts) {
        const stream = tokenizer.streamDecoder();
        let streamed = "";
        for (const id of tokenizer.encode(text)) streamed += stream.push(id);
        assert.equal(streamed + stream.end(), text);
      }
    }),
    withTokenizer("the bytes of the tokens, where they have some, add up to those of the text", (tokenizer) => {
      if (tokenizer.tokenByteLength === undefined) return;
      for (const text of texts) {
        const ids = tokenizer.encode(text);
        const total = ids.reduce((sum, id) => sum + tokenizer.tokenByteLength!(id), 0);
        assert.equal(total, Buffer.byteLength(text));
      }
    }),
    withTokenizer("rows of a batch are the texts' ids, padded, with a mask", (tokenizer) => {
      const { inputIds, attentionMask } = tokenizer.encodeBatch(texts, {
        padding: "longest",
        padToMultipleOf: 8,
        padId: 0,
      });
      const rows = texts.map((text) => tokenizer.encode(text));
      const width = Math.ceil(Math.max(...rows.map((row) => row.length)) / 8) * 8;
      rows.forEach((row, index) => {
        const padding = new Array<number>(width - row.length).fill(0);
        assert.deepEqual([...inputIds[index]!], [...row, ...padding]);
        assert.deepEqual([...attentionMask[index]!], [...row.map(() => 1), ...padding]);
      });
    }),
    withTokenizer("ids outside the vocabulary are an error", (tokenizer) => {
      assert.throws(() => tokenizer.decode([tokenizer.vocabSize]), Error);
    }),
  ];
  const { load } = options;
  if (load === undefined) return tests;
  const saved = withTokenizer("saved and loaded, it gives the same ids", async (tokenizer) => {
    const files = tokenizer.saveFiles();
    const copy = await load(files);
    for (const text of texts) assert.deepEqual(copy.encode(text), tokenizer.encode(text));
    assert.deepEqual(copy.specialTokens, tokenizer.specialTokens);
    assert.deepEqual(copy.saveFiles(), files);
  });
  return [...tests, saved];
}

function allSpecial({ specialTokens: { additional, ...roles } }: Tokenizer): { token: string; id: number }[] {
  return [...Object.values(roles), ...additional];
}
