import { selectDevice, usePrecision } from "@codex/tensor";
import { train } from "@codex/training";
import * as tf from "@tensorflow/tfjs-core";
import { createTinyModel, type TinyModel, tinyEvaluation, tinySource } from "./tiny-model.ts";

type PreciseBackend = tf.KernelBackend & { precision?: string; setPrecision?: (precision: string) => void };

let model: TinyModel;
beforeEach(async () => {
  await selectDevice("cpu");
  model = createTinyModel();
});
afterEach(() => model.dispose());

const run = (precision: "float32" | "bfloat16", onLoss: () => void = () => {}) =>
  train({
    model: {
      ...model,
      loss(batch, context) {
        onLoss();
        return model.loss(batch, context);
      },
    },
    data: tinySource(),
    evaluation: tinyEvaluation(),
    seed: 1,
    options: { maxSteps: 1, evaluationEverySteps: 1, precision },
  });

/** Makes the backend one that has both precisions. */
async function withPrecision(test: (backend: PreciseBackend) => Promise<void>): Promise<void> {
  const backend = tf.backend() as PreciseBackend;
  backend.precision = "float32";
  backend.setPrecision = function (this: PreciseBackend, precision) {
    this.precision = precision;
  };
  try {
    await test(backend);
  } finally {
    delete backend.precision;
    delete backend.setPrecision;
  }
}

test("a device without bfloat16 refuses it before the first step, and says what to do", async () => {
  await expect(run("bfloat16")).rejects.toMatchObject({
    code: "TENSOR_PRECISION_ABSENT",
    message: "precision: expected float32 on the device cpu, which computes in nothing else, got bfloat16",
    help: "Set precision to float32, or device to engine.",
  });
  await run("float32");
});

test("the precision holds for training and evaluation, and is what it was afterwards", async () => {
  await withPrecision(async (backend) => {
    const seen: unknown[] = [];
    await run("bfloat16", () => seen.push(backend.precision));
    expect(new Set(seen)).toEqual(new Set(["bfloat16"]));
    expect(seen.length).toBeGreaterThan(1);
    expect(backend.precision).toBe("float32");
    const failing = run("bfloat16", () => {
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(backend.precision).toBe("float32");
  });
});

test("precisions nest", async () => {
  await withPrecision(async (backend) => {
    const outer = usePrecision("bfloat16");
    const inner = usePrecision("float32");
    expect(backend.precision).toBe("float32");
    inner[Symbol.dispose]();
    expect(backend.precision).toBe("bfloat16");
    outer[Symbol.dispose]();
    expect(backend.precision).toBe("float32");
  });
});
