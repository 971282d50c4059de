/** Matrix products, each with the transposes of its backward pass, on the engine and in PyTorch, on one and on all threads. */
import { cpus } from "node:os";
import { join } from "node:path";
import { measure, median } from "../child.mjs";

/** Rows, inner size, columns of the forward product. */
const SHAPES = [
  [1024, 1024, 1024],
  [1024, 768, 3072],
  [1024, 768, 50257],
];

export async function matmul({ here, python, hasTorch, rounds, budget }) {
  const results = [];
  for (const threads of [1, cpus().length]) {
    console.log(
      `\nmatrix products, ${threads} thread${threads > 1 ? "s" : ""}, float32, GFLOP/s: engine, torch.mm, ratio`,
    );
    for (const [m, k, n] of SHAPES) {
      const times = { engine: {}, pytorch: {} };
      for (let round = 0; round < rounds; round += 1) {
        const engine = await measure(process.execPath, [join(here, "codex-matmul.mjs"), m, k, n], budget, {
          CODEX_NUM_THREADS: String(threads),
        });
        const torch = hasTorch
          ? await measure(python, [join(here, "pytorch_matmul.py"), m, k, n, threads], budget)
          : { reason: "no PyTorch" };
        for (const [name, one] of Object.entries({ engine, pytorch: torch })) {
          if (one.reason) console.log(`  ${name}: ${one.reason}`);
          for (const [kind, ms] of Object.entries(one.timesMs ?? {})) {
            times[name][kind] = [...(times[name][kind] ?? []), ...ms];
          }
        }
      }
      for (const kind of Object.keys(times.engine)) {
        const rate = (values) => (2 * m * k * n) / (median(values) * 1e6);
        const engine = rate(times.engine[kind]);
        const pytorch = times.pytorch[kind] ? rate(times.pytorch[kind]) : undefined;
        results.push({ m, k, n, kind, threads, engineGflops: engine, pytorchGflops: pytorch });
        const against =
          pytorch === undefined ? "" : `${pytorch.toFixed(0).padStart(6)}  ${(engine / pytorch).toFixed(2)}`;
        console.log(
          `  ${`${m} x ${k} x ${n}`.padEnd(20)} ${kind.padEnd(16)} ${engine.toFixed(0).padStart(6)} ${against}`,
        );
      }
    }
  }
  return results;
}
