/** What goes wrong in an operation reaches who reads, once, with its name and shapes, and the engine goes on. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EngineError, engineStats, register } from "@codex/engine";
import * as tf from "@tensorflow/tfjs-core";

const typescript = fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url));

beforeAll(async () => {
  await tf.setBackend("engine");
});

/** What a script prints, as JSON, in a process of its own with these settings. */
async function run(script: string, settings: Record<string, string>): Promise<unknown> {
  const flags = ["--no-warnings", "--conditions=@codex/source", "--import", typescript, "--input-type=module"];
  const imports = `import { register, engineStats } from "@codex/engine"; import * as tf from "@tensorflow/tfjs-core";
    const told = ({ name, code, message, help }) => ({ name, code, message, help });`;
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", imports + script], {
    env: { ...process.env, ...settings },
    timeout: 30_000,
  });
  return JSON.parse(stdout);
}

/** With indices that only the engine knows: what JavaScript knows it checks at once. */
function outOfRange(): tf.Tensor {
  return tf.tidy(() => {
    const indices = tf.mul(tf.tensor1d([0, 7], "int32"), tf.scalar(1, "int32"));
    return tf.gather(tf.tensor1d([1, 2, 3]), indices);
  });
}

const OUT_OF_RANGE = "GatherV2 ([3] [2]) -> [2]: expected indices from 0 to 3 (not included), got 7 at position 1";

test("an index out of range rejects the read, with the operation's name and shapes", async () => {
  const error = await outOfRange()
    .data()
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EngineError);
  expect(error).toMatchObject({ code: "ENGINE_OPERATION_INVALID", message: OUT_OF_RANGE });
  expect(() => outOfRange().dataSync()).toThrow(OUT_OF_RANGE);
});

test("it rejects the read of whatever depends on it, and of nothing else", async () => {
  const x = tf.tensor1d([1, 2]);
  const wrong = outOfRange();
  const sum = tf.sum(tf.mul(wrong, x));
  await expect(sum.data()).rejects.toThrow(OUT_OF_RANGE);
  expect(Array.from(await x.data())).toEqual([1, 2]);
  expect(Array.from(await tf.add(x, x).data())).toEqual([2, 4]);
  await expect(wrong.data()).rejects.toThrow(OUT_OF_RANGE);
});

test("if nobody reads what depends on it, the next read hears of it, once", async () => {
  const x = tf.tensor1d([5]);
  outOfRange().dispose();
  await expect(x.data()).rejects.toThrow(OUT_OF_RANGE);
  expect(Array.from(await x.data())).toEqual([5]);
});

test("two at once are two rejections", async () => {
  const results = await Promise.allSettled([outOfRange().data(), outOfRange().data(), tf.tensor1d([9]).data()]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});

test("values that do not fit their shape are refused at once, and leave nothing behind", () => {
  const before = tf.memory();
  const backend = tf.backend() as tf.KernelBackend & { write(...args: unknown[]): object };
  expect(() => backend.write(new Float32Array(3), [4], "float32")).toThrow(/expected 4 values of float32, got 3/);
  expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numDataBuffers: before.numDataBuffers });
  expect(backend.numDataIds()).toBe(before.numDataBuffers);
});

describe("with a memory limit", () => {
  const settings = { CODEX_ENGINE_MEMORY_LIMIT: "64m" };

  test("a tensor that is too large is refused, and the engine goes on", async () => {
    const found = await run(
      `await tf.setBackend("engine");
       let error;
       try { tf.zeros([20 << 20]); } catch (thrown) { error = told(thrown); }
       const { numTensors, numDataBuffers } = tf.memory();
       const sum = await tf.sum(tf.ones([1 << 20])).data();
       console.log(JSON.stringify({ error, numTensors, numDataBuffers, ids: tf.backend().numDataIds() - tf.memory().numDataBuffers, sum: sum[0] }));`,
      settings,
    );
    expect(found).toEqual({
      error: {
        name: "EngineError",
        code: "ENGINE_OUT_OF_MEMORY",
        message: expect.stringMatching(
          /^83886080 bytes are needed and \d+ are in use, the limit is 67108864 \(CODEX_ENGINE_MEMORY_LIMIT\)$/,
        ),
        help: expect.stringContaining("smaller batch"),
      },
      numTensors: 0,
      numDataBuffers: 0,
      ids: 0,
      sum: 1 << 20,
    });
  });

  test("an operation whose result is too large rejects the read, and the engine goes on", async () => {
    const found = await run(
      `await tf.setBackend("engine");
       const x = tf.ones([4 << 20]);
       const results = [];
       for (let i = 0; i < 5; i++) results.push(tf.add(x, i));
       const error = told(await results.at(-1).data().catch((thrown) => thrown));
       for (const result of results.slice(1)) result.dispose();
       const again = (await tf.add(x, 6).data())[0];
       console.log(JSON.stringify({ error, again, peak: engineStats().bytesPeak }));`,
      settings,
    );
    expect(found).toMatchObject({
      error: {
        name: "EngineError",
        code: "ENGINE_OUT_OF_MEMORY",
        message: expect.stringMatching(/^Add \(\[4194304\] \[\]\) -> \[4194304\]: 16777216 bytes are needed/),
      },
      again: 7,
    });
    expect((found as { peak: number }).peak).toBeLessThanOrEqual(64 << 20);
  });

  test("a loop that stays within it never reaches it, however far JavaScript is ahead", async () => {
    const found = await run(
      `await tf.setBackend("engine");
       let total = 0;
       for (let i = 0; i < 60; i++) {
         const values = new Float32Array(3 << 20).fill(i);
         const sum = tf.tidy(() => tf.sum(tf.mul(tf.tensor1d(values), 2)));
         if (i === 59) total = (await sum.data())[0] / values.length;
         sum.dispose();
       }
       console.log(JSON.stringify(total));`,
      settings,
    );
    expect(found).toBeCloseTo(118);
  });
});

describe("a setting that cannot be used", () => {
  test.each([
    ["CODEX_NUM_THREADS", "two"],
    ["CODEX_NUM_THREADS", "0"],
    ["CODEX_NUM_THREADS", "-1"],
    ["CODEX_NUM_THREADS", "1.5"],
    ["CODEX_NUM_THREADS", "5000"],
    ["CODEX_ENGINE_ISA", "sse9"],
    ["CODEX_ENGINE_MEMORY_LIMIT", "lots"],
    ["CODEX_ENGINE_MEMORY_LIMIT", "0"],
  ])("%s=%s is an error that names it", async (name, value) => {
    const error = await run(`console.log(JSON.stringify(await register().then(() => ({}), told)));`, { [name]: value });
    expect(error).toMatchObject({
      name: "EngineError",
      code: "ENGINE_SETTING_INVALID",
      message: expect.stringMatching(new RegExp(`^${name}: expected .*, got`)),
    });
  });

  test("one that is empty counts as not set", async () => {
    const settings = { CODEX_NUM_THREADS: "", CODEX_ENGINE_ISA: "", CODEX_ENGINE_MEMORY_LIMIT: "" };
    expect(await run(`console.log(JSON.stringify(await register()));`, settings)).toMatchObject({ backend: "engine" });
  });

  test("the others are taken", async () => {
    const settings = { CODEX_NUM_THREADS: "3", CODEX_ENGINE_ISA: "portable", CODEX_ENGINE_MEMORY_LIMIT: "1g" };
    const found = await run(`await register(); console.log(JSON.stringify(engineStats()));`, settings);
    expect(found).toMatchObject({ threads: 3, isa: expect.stringMatching(/portable|neon/) });
  });
});

test("what runs here is told", async () => {
  const description = await register();
  expect(description).toMatchObject({ backend: "engine", deterministic: true, threads: engineStats().threads });
  expect(description.isa).toBe(engineStats().isa);
  expect(["dot products", "float32 on rounded operands"]).toContain(description.bfloat16);
});
