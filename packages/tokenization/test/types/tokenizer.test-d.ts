import type { EntryOf } from "@codex/registry";
import { createByteTokenizer, type Tokenizer, type TrainedTokenizer } from "@codex/tokenization";
import type {} from "@codex/tokenization/registry";
import { expectTypeOf } from "expect-type";

/** What @codex/data asks of a tokenizer, in its words. */
interface TokenEncoder {
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): ArrayLike<number>;
  readonly vocabSize: number;
  readonly endOfTextId?: number;
  tokenByteLength?(id: number): number;
}

expectTypeOf(createByteTokenizer()).toExtend<TokenEncoder>();
expectTypeOf<TrainedTokenizer>().toExtend<Tokenizer>();
expectTypeOf<ReturnType<EntryOf<"tokenizers">["create"]>>().toHaveProperty("load");
