import type { RunManifest, RunSummary } from "@codex/logging";

/** A finished run with two metrics. */
export function sampleSummary(runId: string, change: Partial<RunSummary> = {}): RunSummary {
  const createdAt = "2026-11-20T23:15:03.000Z";
  const manifest = { schema_version: 1, run_id: runId, created_at: createdAt } as RunManifest;
  return {
    runId,
    directory: `/runs/${runId}`,
    createdAt,
    status: "completed",
    step: 10,
    gitCommit: "a".repeat(40),
    metrics: [
      { split: "train", metric: "loss", dataset: null, step: 10, value: 1.25 },
      { split: "validation", metric: "loss", dataset: "shakespeare", step: 10, value: 1.5 },
    ],
    manifest,
    ...change,
  };
}
