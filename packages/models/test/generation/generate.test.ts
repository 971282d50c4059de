import {
  createModel,
  type GenerateOptions,
  generate,
  generateStream,
  type LanguageModel,
  ModelError,
  type ModelErrorCode,
} from "@codex/models";
import * as tf from "@tensorflow/tfjs-core";
import { devices, selectDevice } from "../devices.ts";
import { createTiny } from "../tiny-models.ts";

const PROMPT = [5, 9, 1];

async function codeOf(work: Promise<unknown>): Promise<ModelErrorCode | undefined> {
  const error = await work.then(() => undefined, (reason: unknown) => reason); // biome-ignore format: one line
  return error instanceof ModelError ? error.code : undefined;
}

/** The slow, obvious way: all logits of the whole sequence, for each token anew. */
function greedyByRecomputation(model: LanguageModel, prompt: readonly number[], count: number): number[] {
  const sequence = [...prompt];
  for (let i = 0; i < count; i++) {
    const next = tf.tidy(() => {
      const logits = model.logits(tf.tensor2d([sequence], undefined, "int32"));
      return (tf.argMax(logits, -1).arraySync() as number[][])[0]!.at(-1)!;
    });
    sequence.push(next);
  }
  return sequence.slice(prompt.length);
}

describe.each(devices)("on %s", (device) => {
  beforeAll(async () => {
    await selectDevice(device);
  });

  test.each(["gpt2", "llama"] as const)(
    "greedy generation of %s with a cache is that of recomputation",
    async (name) => {
      const model = createTiny(name);
      const expected = greedyByRecomputation(model, PROMPT, 8);
      const { tokenIds, finishReason } = await generate(model, PROMPT, {
        temperature: 0,
        maxNewTokens: 8,
        stopTokenIds: [],
      });
      expect(tokenIds).toEqual(expected);
      expect(finishReason).toBe("length");
      model.dispose();
    },
  );
});

describe("generate", () => {
  let model: LanguageModel;
  let tensors: number;
  beforeAll(async () => {
    await selectDevice("cpu");
  });
  beforeEach(() => {
    model = createTiny("llama");
    tensors = tf.memory().numTensors;
  });
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors);
    model.dispose();
  });

  const sample = async (options: GenerateOptions) =>
    (await generate(model, PROMPT, { maxNewTokens: 8, stopTokenIds: [], ...options })).tokenIds;

  test("the same seed gives the same tokens, another one others", async () => {
    const first = await sample({ seed: 11 });
    expect(await sample({ seed: 11 })).toEqual(first);
    expect(await sample({ seed: 12 })).not.toEqual(first);
  });

  test("a draw depends on its position, not on where the prompt ended", async () => {
    const all = await sample({ seed: 11 });
    const rest = await generate(model, [...PROMPT, ...all.slice(0, 3)], {
      seed: 11,
      maxNewTokens: 5,
      stopTokenIds: [],
    });
    expect(rest.tokenIds).toEqual(all.slice(3));
  });

  test("a model without a cache generates the same", async () => {
    const { createCache, ...without } = model;
    const options = { seed: 3, maxNewTokens: 6, stopTokenIds: [] };
    expect(createCache).toBeDefined();
    expect(await generate(without, PROMPT, options)).toEqual(await generate(model, PROMPT, options));
  });

  test("ends at a stop token, which is part of the output", async () => {
    const all = await sample({ temperature: 0 });
    const stop = all[2]!;
    const { tokenIds, finishReason } = await generate(model, PROMPT, {
      temperature: 0,
      maxNewTokens: 8,
      stopTokenIds: [stop],
    });
    expect(tokenIds).toEqual(all.slice(0, all.indexOf(stop) + 1));
    expect(finishReason).toBe("stop");
  });

  test("ends at the model's end-of-text token unless told otherwise", async () => {
    const [first] = await sample({ temperature: 0 });
    const ending = createModel({ ...model.config, eosTokenId: [first!] }, { seed: 1 });
    expect(await generate(ending, PROMPT, { temperature: 0, maxNewTokens: 8 })).toEqual({
      tokenIds: [first],
      finishReason: "stop",
    });
    ending.dispose();
  });

  test("ends when shouldStop says so", async () => {
    const seen: number[] = [];
    const shouldStop = (generated: readonly number[]) => seen.push(generated.length) === 3;
    const { tokenIds, finishReason } = await generate(model, PROMPT, { maxNewTokens: 8, stopTokenIds: [], shouldStop });
    expect([tokenIds.length, finishReason, seen]).toEqual([3, "stop", [1, 2, 3]]);
  });

  test("ends when the context is full: 12 positions give one token more", async () => {
    const { tokenIds, finishReason } = await generate(model, PROMPT, { maxNewTokens: 100, stopTokenIds: [] });
    expect([tokenIds.length, finishReason]).toEqual([10, "context"]);
  });

  test("an abort keeps what was generated so far", async () => {
    const controller = new AbortController();
    const onToken = (() => {
      let count = 0;
      return () => ++count === 2 && controller.abort();
    })();
    const result = await generate(model, PROMPT, {
      maxNewTokens: 8,
      stopTokenIds: [],
      signal: controller.signal,
      onToken,
    });
    expect(result).toEqual({ tokenIds: (await sample({})).slice(0, 2), finishReason: "aborted" });
    expect(await generate(model, PROMPT, { signal: AbortSignal.abort() })).toEqual({
      tokenIds: [],
      finishReason: "aborted",
    });
  });

  test("the stream yields each token and returns the reason; leaving it early frees the cache", async () => {
    const stream = generateStream(model, PROMPT, { seed: 11, maxNewTokens: 2, stopTokenIds: [] });
    const [first, second] = await sample({ seed: 11 });
    expect(await stream.next()).toEqual({ done: false, value: first });
    expect(await stream.next()).toEqual({ done: false, value: second });
    expect(await stream.next()).toEqual({ done: true, value: "length" });
    for await (const token of generateStream(model, PROMPT)) {
      expect(token).toBeLessThan(31);
      break;
    }
  });

  test("other work gets its turn before each token", async () => {
    let turns = 0;
    let pending: NodeJS.Immediate;
    const work = () => {
      turns++;
      pending = setImmediate(work);
    };
    pending = setImmediate(work);
    await generate(model, PROMPT, { maxNewTokens: 8, stopTokenIds: [] });
    clearImmediate(pending);
    expect(turns).toBeGreaterThanOrEqual(8);
  });

  test.each<[number[], object, ModelErrorCode]>([
    [[], {}, "MODEL_PROMPT_INVALID"],
    [[31], {}, "MODEL_PROMPT_INVALID"],
    [[-1], {}, "MODEL_PROMPT_INVALID"],
    [new Array(13).fill(1), {}, "MODEL_PROMPT_TOO_LONG"],
    [PROMPT, { temperature: -1 }, "MODEL_GENERATION_OPTIONS_INVALID"],
    [PROMPT, { topP: 0 }, "MODEL_GENERATION_OPTIONS_INVALID"],
    [PROMPT, { topK: 1.5 }, "MODEL_GENERATION_OPTIONS_INVALID"],
    [PROMPT, { maxNewTokens: 0 }, "MODEL_GENERATION_OPTIONS_INVALID"],
    [PROMPT, { beams: 2 }, "MODEL_GENERATION_OPTIONS_INVALID"],
  ])("refuses prompt %j with %j", async (prompt, options, code) => {
    expect(await codeOf(generate(model, prompt, options))).toBe(code);
  });

  test("messages say what is allowed and what came", async () => {
    await expect(generate(model, new Array(13).fill(1))).rejects.toThrow(
      "prompt: the model's context is 12 tokens, got 13",
    );
    await expect(generate(model, [3, 31])).rejects.toThrow(
      "prompt: position 1: expected a token id of 0 .. 30, got 31",
    );
    await expect(generate(model, PROMPT, { temperature: -1 })).rejects.toThrow(
      /^generation: temperature: must be >= 0/,
    );
  });

  test("weights that have diverged are an error, and nothing leaks", async () => {
    const { variable } = model.parameters().get("model.norm.weight")!;
    variable.assign(tf.tidy(() => tf.fill([16], Number.NaN)));
    tensors = tf.memory().numTensors;
    expect(await codeOf(generate(model, PROMPT))).toBe("MODEL_LOGITS_NOT_FINITE");
  });
});
