import type { Corpus } from "@codex/data";
import { createByteNgramModel } from "@codex/metrics";

export interface BitsPerByte {
  readonly name: string;
  readonly bitsPerByte: number;
}

const ORDERS = { bigram: 2, trigram: 3 } as const;

/** Held-out bits per byte of byte n-gram models that were counted on the training split of the same corpus. */
export async function scoreBaselines(corpus: Corpus, names: readonly (keyof typeof ORDERS)[]): Promise<BitsPerByte[]> {
  const scores: BitsPerByte[] = [];
  for (const name of names) {
    const model = createByteNgramModel({ order: ORDERS[name] });
    for await (const text of corpus.texts("train")) model.add(text);
    const { value } = await model.bitsPerByte(corpus.texts("validation"));
    scores.push({ name: `byte ${name}`, bitsPerByte: value });
  }
  return scores;
}
