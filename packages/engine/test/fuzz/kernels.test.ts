import "@tensorflow/tfjs-backend-cpu";
import { Random } from "./cases.ts";
import { ELEMENTWISE } from "./elementwise-cases.ts";
import { checkCase, configurations } from "./harness.ts";
import { IMAGES } from "./image-cases.ts";
import { LAYOUT } from "./layout-cases.ts";
import { PRODUCTS } from "./product-cases.ts";
import { REDUCTIONS } from "./reduction-cases.ts";

const GENERATORS = { ...ELEMENTWISE, ...REDUCTIONS, ...PRODUCTS, ...LAYOUT, ...IMAGES };
const CASES = 60;

const engines = configurations();

describe("kernels give what the JavaScript CPU backend gives, on every instruction set, and the same bits with 1, 2 and 3 threads", () => {
  test.each(Object.entries(GENERATORS))("%s", (kernel, generate) => {
    for (let seed = 0; seed < CASES; seed++) {
      try {
        checkCase({ kernel, ...generate(new Random(1000 * seed + kernel.length)) }, engines);
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  });

  test("none of them ran in JavaScript", () => {
    for (const { backend } of engines) expect(Object.fromEntries(backend.fallbacks)).toEqual({});
  });
});
