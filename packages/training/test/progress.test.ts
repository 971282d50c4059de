import { formatProgress, type ProgressEvent } from "@codex/training";

const event: ProgressEvent = {
  type: "progress",
  step: 120,
  maxSteps: 2000,
  epoch: 0,
  lossNats: 2.34561,
  learningRate: 9.5e-4,
  gradientNorm: 0.834,
  tokensPerSecond: 12345,
  shareOfPeak: 0.4096,
  memoryBytes: 512 * 2 ** 20,
  peakMemoryBytes: 600 * 2 ** 20,
  timeLeftMs: 192_000,
};

test("a line holds loss, rate, norm, throughput, share of the peak, memory and time left", () => {
  expect(formatProgress(event)).toBe(
    "step 120/2000  loss 2.3456  lr 9.50e-4  norm 0.83  12.3k tok/s  41.0% of peak  512 MiB  3m12s left",
  );
});

test("without a measured peak there is no share", () => {
  expect(formatProgress({ ...event, shareOfPeak: undefined })).not.toContain("peak");
});

test.each<[number, string]>([
  [0, "0s"],
  [59_400, "59s"],
  [59_600, "1m00s"],
  [3_599_600, "1h00m"],
  [7_500_000, "2h05m"],
])("%d ms left is %s", (timeLeftMs, expected) => {
  expect(formatProgress({ ...event, timeLeftMs })).toContain(`  ${expected} left`);
});

test.each<[number, string]>([
  [999.4, "999 tok/s"],
  [999.6, "1.0k tok/s"],
  [999_960, "1.0M tok/s"],
])("%d tokens per second is %s", (tokensPerSecond, expected) => {
  expect(formatProgress({ ...event, tokensPerSecond })).toContain(`  ${expected}  `);
});
