/** TensorFlow decides on its threads once per process: so what is exact with one of them is shown in processes of their own. */
import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { tensorflowProject } from "./devices.ts";

const register = new URL("../../../tools/jest/register-typescript.mjs", import.meta.url).href;
const child = fileURLToPath(new URL("tensorflow-child.ts", import.meta.url));

async function runChild(threads: number | undefined) {
  const { TF_NUM_INTRAOP_THREADS: _intra, TF_NUM_INTEROP_THREADS: _inter, ...env } = process.env;
  const count =
    threads === undefined ? {} : { TF_NUM_INTRAOP_THREADS: `${threads}`, TF_NUM_INTEROP_THREADS: `${threads}` };
  const flags = ["--conditions=@codex/source", "--import", register, child];
  const { stdout } = await promisify(execFile)(process.execPath, flags, {
    env: { ...env, ...count, TF_CPP_MIN_LOG_LEVEL: "2" },
  });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

// TensorFlow is no dependency of the workspace: `.ci/run` sets it up (tools/test-tensorflow.mjs), names it in CODEX_TEST_TENSORFLOW and runs these.
const onTensorflow = tensorflowProject === undefined ? describe.skip : describe;

onTensorflow("on tensorflow", () => {
  test("with one thread a resumed run ends with the bytes of the whole one, from every step and in every process", async () => {
    const first = await runChild(1);
    expect(first).toMatchObject({ threads: 1, deterministic: true });
    expect(first.resumedEnds).toEqual([first.end, first.end, first.end, first.end]);
    expect(await runChild(1)).toEqual(first);
  });

  test("with more threads it does not say that it repeats its bits", async () => {
    const threads = availableParallelism();
    expect(await runChild(undefined)).toMatchObject({ threads, deterministic: threads === 1 });
  });
});
