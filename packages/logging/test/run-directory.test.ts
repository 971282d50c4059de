import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createRunDirectory } from "@codex/logging";
import { MemoryFs } from "@codex/storage/testing";
import { temporaryFolder } from "./temporary-folder.ts";

const now = new Date("2026-11-20T23:15:03.456Z");

test("a new directory with a name that sorts by time", async () => {
  const root = join(temporaryFolder(), "deep", "runs");
  const run = await createRunDirectory(root, { now });
  expect(run.runId).toMatch(/^20261120-231503-[0-9a-f]{6}$/);
  expect(run.directory).toBe(join(root, run.runId));
  expect(run.metricsNdjson).toBe(join(root, run.runId, "metrics.ndjson"));
  expect(existsSync(run.directory)).toBe(true);
  expect((await createRunDirectory(root, { now })).runId).not.toBe(run.runId);
});

test("of ten that want one name, one gets it", async () => {
  const root = temporaryFolder();
  const attempts = await Promise.allSettled(
    Array.from({ length: 10 }, () => createRunDirectory(root, { runId: "mine" })),
  );
  expect(attempts.filter((attempt) => attempt.status === "fulfilled").length).toBe(1);
  for (const attempt of attempts) {
    if (attempt.status === "rejected") {
      expect(attempt.reason).toMatchObject({
        code: "LOGGING_RUN_EXISTS",
        help: expect.stringContaining("codex resume"),
      });
    }
  }
  expect(readdirSync(root)).toEqual(["mine"]);
});

test.each(["", ".", "..", "../x", "a/b", "a\\b", "-a", ".hidden", "a b", "a,b", "a\n", "é", "x".repeat(101)])(
  "the run id %j is refused and nothing is created",
  async (runId) => {
    const root = join(temporaryFolder(), "runs");
    await expect(createRunDirectory(root, { runId })).rejects.toMatchObject({ code: "LOGGING_RUN_ID_INVALID" });
    expect(existsSync(root)).toBe(false);
  },
);

test("the directory survives a power loss", async () => {
  const fs = new MemoryFs();
  await createRunDirectory("/runs", { runId: "mine", fs });
  expect(await fs.crash().readdir("/runs")).toEqual(["mine"]);
});
