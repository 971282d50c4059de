/** Libraries that npm has, each as its documentation says. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { measureEncoding, request } from "./measure.mjs";

const { folder, implementation, tokenizer } = request;
const require = createRequire(pathToFileURL(join(folder, "node", "package.json")));
const readJson = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));

const IMPLEMENTATIONS = {
  async "huggingface-js"() {
    const { Tokenizer } = require("@huggingface/tokenizers");
    const loaded = new Tokenizer(readJson(`${tokenizer}.tokenizer.json`), {});
    return (texts) => texts.map((text) => loaded.encode(text, { add_special_tokens: false }).ids);
  },
  async "huggingface-node"() {
    const { Tokenizer } = require("tokenizers");
    const loaded = Tokenizer.fromFile(join(folder, `${tokenizer}.tokenizer.json`));
    return async (texts) =>
      (await loaded.encodeBatch(texts, { addSpecialTokens: false })).map((encoding) => encoding.getIds());
  },
  async "gpt-tokenizer"() {
    const { encode } = require(`gpt-tokenizer/encoding/${{ gpt2: "r50k_base", llama3: "cl100k_base" }[tokenizer]}`);
    const asText = { disallowedSpecial: new Set() };
    return (texts) => texts.map((text) => encode(text, asText));
  },
  async "tiktoken-wasm"() {
    const { Tiktoken } = require("tiktoken/lite");
    const { pattern, ranks } = readJson(`${tokenizer}.ranks.json`);
    const encoding = new Tiktoken(ranks, {}, pattern);
    return (texts) => texts.map((text) => encoding.encode_ordinary(text));
  },
};

await measureEncoding(await IMPLEMENTATIONS[implementation]());
