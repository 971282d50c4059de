/** `@codex/tokenization`: string in, `Uint32Array` out. CODEX_TOKENIZER_NATIVE=0 for the TypeScript code. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseTokenizer } from "@codex/tokenization";
import { measureEncoding, request } from "./measure.mjs";

const { folder, tokenizer: name, threads } = request;
const tokenizer = parseTokenizer(JSON.parse(readFileSync(join(folder, `${name}.tokenizer.json`), "utf8")));
// As the peers have it: special tokens that stand in a text are found.
const options = { addSpecialTokens: false, allowedSpecial: "all" };
tokenizer.encode("the tables are made on first use", options);

const oneByOne = (texts) => texts.map((text) => tokenizer.encode(text, options));
const together = (texts) => {
  const { ids, offsets } = tokenizer.encodeFlat(texts, { ...options, threads });
  return texts.map((_, index) => ids.subarray(offsets[index], offsets[index + 1]));
};
await measureEncoding(threads > 1 ? together : oneByOne);
