import { matMul, ones, type Rank, slice, type Tensor2D, tidy } from "@tensorflow/tfjs-core";

const SIZE = 512;

/**
 * Measures the matrix-product rate of the current device, in floating-point operations per second: the best of a few products of 512 x 512.
 * It takes well under a second on anything but plain JavaScript, and is what the progress line calls the peak.
 */
export async function measureDevicePeak(): Promise<number> {
  const a = ones<Rank.R2>([SIZE, SIZE]);
  const b = ones<Rank.R2>([SIZE, SIZE]);
  try {
    let best = Number.POSITIVE_INFINITY;
    // The first product pays for what the device sets up once.
    for (let round = 0; round < 4; round += 1) {
      const start = performance.now();
      const corner = tidy(() => slice(matMul<Tensor2D>(a, b), [0, 0], [1, 1]));
      await corner.data();
      corner.dispose();
      if (round > 0) best = Math.min(best, performance.now() - start);
    }
    return (2 * SIZE ** 3) / (best / 1000);
  } finally {
    a.dispose();
    b.dispose();
  }
}
