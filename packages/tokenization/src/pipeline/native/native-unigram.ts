import { FlatIdsBuilder, textIds } from "../../flat-ids.ts";
import { nativeLibrary } from "../../native/binding.ts";
import type { NativeBatch, NativeUnigramEncoder, NativeUnigramOptions } from "../../native/unigram-binding.ts";
import type { TokenizerJson } from "../../tokenizer-json.ts";
import { encodeUtf8 } from "../../utf8.ts";
import { BYTE_TOKENS } from "../models/bpe.ts";
import { readUnigramVocab, type UnigramVocab, unknownScore } from "../models/unigram.ts";
import { planUnigram, type UnigramPlan } from "./unigram-plan.ts";

const NO_TOKEN = 0xffffffff;
const MAX_TOKENS = 2 ** 26;
/** A text is tried so often: its characters are learned, then what they are part of; many of those may push each other out. */
const MAX_TRIES = 4;

/**
 * Normalizer, pre-tokenizer and model of a Unigram pipeline in one, by the native library.
 * @param blocked - ids that no text may make
 * @returns undefined where there is no library, or the pipeline is one that it does not have
 */
export function nativeUnigram(json: TokenizerJson, blocked: ReadonlySet<number>): NativeUnigram | undefined {
  const { binding } = nativeLibrary();
  if (binding === undefined) return undefined;
  const plan = planUnigram(json);
  if (plan === undefined) return undefined;
  const vocab = readUnigramVocab(json.model);
  if (vocab.tokens.length >= MAX_TOKENS) return undefined;
  const { learn, ...preprocessing } = plan;
  return new NativeUnigram(new binding.NativeUnigramEncoder({ ...preprocessing, ...tables(vocab, blocked) }), plan);
}

export class NativeUnigram {
  /** Whether it matters if a text stands at the start of what was asked for. */
  readonly asksForStart: boolean;
  readonly #encoder: NativeUnigramEncoder;
  readonly #plan: UnigramPlan;

  constructor(encoder: NativeUnigramEncoder, plan: UnigramPlan) {
    this.#encoder = encoder;
    this.#plan = plan;
    this.asksForStart = plan.metaspace?.prepend === "first";
    if (plan.steps.some(({ kind }) => kind === "units")) {
      this.#learn(Array.from({ length: 0x80 }, (_, point) => String.fromCharCode(point)));
    }
  }

  /** @returns null for a text that only the TypeScript code does */
  encode(text: string, isFirst: boolean): Uint32Array | null {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const ids = this.#encoder.encode(text, isFirst);
      if (ids !== null) return ids;
      const units = this.#encoder.unknownUnits();
      if (units.length === 0) return null;
      this.#learn(units);
    }
    return null;
  }

  /** Of texts that stand at the start. `left`: those for which `encode` gives null. */
  encodeBatch(texts: readonly string[], threads: number): NativeBatch {
    const first = this.#encoder.encodeBatch(texts, threads);
    if (first.left.length === 0) return first;
    const found = new Map<number, Uint32Array>();
    let left = Array.from(first.left);
    for (let tries = 1; tries < MAX_TRIES && left.length > 0; tries++) {
      const units = this.#encoder.unknownUnits();
      if (units.length === 0) break;
      this.#learn(units);
      const batch = this.#encoder.encodeBatch(
        left.map((index) => texts[index]!),
        threads,
      );
      const stillLeft = new Set(batch.left);
      left.forEach((index, at) => {
        if (!stillLeft.has(at)) found.set(index, textIds(batch, at));
      });
      left = left.filter((_, at) => stillLeft.has(at));
    }
    const flat = new FlatIdsBuilder(texts.length, first.ids.length + 64);
    for (let index = 0; index < texts.length; index++) {
      flat.append(found.get(index) ?? textIds(first, index));
      flat.endText();
    }
    return { ...flat.build(), left: Uint32Array.from(left) };
  }

  #learn(units: readonly string[]): void {
    const { forms, flags } = this.#plan.learn(units);
    this.#encoder.learn(units, forms, flags);
  }
}

function tables(
  { tokens, scores, unkId, byteFallback }: UnigramVocab,
  blocked: ReadonlySet<number>,
): Omit<NativeUnigramOptions, "steps" | "splitsWhiteSpace"> {
  // Of a token that comes twice the last counts.
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (!blocked.has(id)) ids.set(token, id);
  });
  const texts = [...ids].filter(([token]) => token !== "").map(([token, id]) => [encodeUtf8(token), id] as const);
  const offsets = new Uint32Array(texts.length + 1);
  texts.forEach(([bytes], index) => {
    offsets[index + 1] = offsets[index]! + bytes.length;
  });
  const byteIds = () => Uint32Array.from(BYTE_TOKENS, (token) => ids.get(token) ?? NO_TOKEN);
  return {
    bytes: Buffer.concat(texts.map(([bytes]) => bytes)),
    offsets,
    ids: Uint32Array.from(texts, ([, id]) => id),
    scores,
    ...(unkId === undefined
      ? {}
      : { unknown: { id: unkId, score: unknownScore(scores), ...(byteFallback ? { byteIds: byteIds() } : {}) } }),
  };
}
