import type { RunManifest } from "@codex/logging";

/** The manifest of a run that knows nothing of git. */
export function sampleManifest(runId: string): RunManifest {
  return {
    schema_version: 1,
    run_id: runId,
    created_at: "2026-11-20T23:15:03.000Z",
    command: ["codex", "train"],
    seeds: { init: 7 },
    git: null,
    packages: {},
    lockfile: null,
    machine: {
      hostname: "host",
      platform: "linux",
      os_release: "6",
      architecture: "x64",
      cpu_model: "cpu",
      cpu_count: 2,
      available_parallelism: 2,
      memory_bytes: 1,
      node_version: "20.19.0",
    },
    environment: {},
    data: [],
    details: {},
  };
}
