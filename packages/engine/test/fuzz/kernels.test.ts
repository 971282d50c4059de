import "@tensorflow/tfjs-backend-cpu";
import { ATTENTION } from "./attention-cases.ts";
import { Random } from "./cases.ts";
import { ELEMENTWISE } from "./elementwise-cases.ts";
import { checkCase, checkFusedCase, configurations } from "./harness.ts";
import { IMAGES } from "./image-cases.ts";
import { LAYERS } from "./layer-cases.ts";
import { LAYOUT } from "./layout-cases.ts";
import { PRODUCTS } from "./product-cases.ts";
import { REDUCTIONS } from "./reduction-cases.ts";
import { TRAINING } from "./training-cases.ts";

const GENERATORS = { ...ELEMENTWISE, ...REDUCTIONS, ...PRODUCTS, ...LAYOUT, ...IMAGES };
const FUSED = { ...LAYERS, ...ATTENTION, ...TRAINING };

/** Of each kernel. `CODEX_FUZZ_CASES=1000` looks longer. */
const CASES = Number(process.env["CODEX_FUZZ_CASES"] ?? 25);

const engines = configurations();

function eachSeed(name: string, check: (random: Random) => void): void {
  for (let seed = 0; seed < CASES; seed++) {
    try {
      check(new Random(1000 * seed + name.length));
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}

describe("kernels give what the JavaScript CPU backend gives, on every instruction set, and the same bits with 1, 2 and 3 threads", () => {
  test.each(Object.entries(GENERATORS))("%s", (kernel, generate) => {
    eachSeed(kernel, (random) => checkCase({ kernel, ...generate(random) }, engines));
  });
});

describe("fused kernels and their gradients give what float64 gives, on every instruction set, and the same bits with 1, 2 and 3 threads", () => {
  test.each(Object.entries(FUSED))("%s", (name, generate) => {
    eachSeed(name, (random) => checkFusedCase(name, generate(random), engines));
  });
});

test("none of them ran in JavaScript", () => {
  for (const { backend } of engines) expect(Object.fromEntries(backend.fallbacks)).toEqual({});
});
