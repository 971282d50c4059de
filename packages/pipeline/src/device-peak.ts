import { matMul, ones, type Rank, slice, type Tensor2D, tidy } from "@tensorflow/tfjs-core";

const SIZES = [128, 256, 512];
/** A product that takes this long is measured well enough; plain JavaScript would take seconds for the next size. */
const ENOUGH_MS = 20;

/**
 * Measures the matrix-product rate of the current device, in floating-point operations per second: the best of a few square products, up to
 * 512 x 512. It takes a small part of a second, and is what the progress line calls the peak.
 */
export async function measureDevicePeak(): Promise<number> {
  let best = 0;
  for (const size of SIZES) {
    const milliseconds = await fastestProductMs(size);
    best = Math.max(best, (2 * size ** 3) / (milliseconds / 1000));
    if (milliseconds > ENOUGH_MS) break;
  }
  return best;
}

async function fastestProductMs(size: number): Promise<number> {
  const a = ones<Rank.R2>([size, size]);
  const b = ones<Rank.R2>([size, size]);
  try {
    let fastest = Number.POSITIVE_INFINITY;
    // The first product pays for what the device sets up once.
    for (let round = 0; round < 4; round += 1) {
      const start = performance.now();
      const corner = tidy(() => slice(matMul<Tensor2D>(a, b), [0, 0], [1, 1]));
      await corner.data();
      corner.dispose();
      if (round > 0) fastest = Math.min(fastest, performance.now() - start);
    }
    return fastest;
  } finally {
    a.dispose();
    b.dispose();
  }
}
