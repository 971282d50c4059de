import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openEventLog } from "@codex/logging";
import { temporaryFolder } from "./temporary-folder.ts";

const now = () => new Date("2026-11-20T23:15:03Z");

test("one line each, in order, redacted, and appended after reopening", async () => {
  const path = join(temporaryFolder(), "events.ndjson");
  {
    await using log = await openEventLog(path, { runId: "run-1", now });
    await log.log("run.started", { url: "postgres://u:pw@db/x", password: "x" });
    await Promise.all([log.log("a"), log.log("b", { error: Object.assign(new Error("no"), { stack: "s" }) }, "error")]);
  }
  appendFileSync(path, '{"event": "torn');
  {
    await using log = await openEventLog(path, { runId: "run-1", now });
    await log.log("run.resumed", { step: 3 }, "warning");
    await log.sync();
  }
  const record = (event: string, data: object, level = "info") => ({
    ...{ schema_version: 1, run_id: "run-1", timestamp: "2026-11-20T23:15:03.000Z", level, event, data },
  });
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    record("run.started", { url: "postgres://u:[REDACTED:connection-string-password]@db/x", password: "[REDACTED]" }),
    record("a", {}),
    record("b", { error: { name: "Error", message: "no", stack: "s" } }, "error"),
    record("run.resumed", { step: 3 }, "warning"),
  ]);
});

test("a run id that is none is refused before anything is written", async () => {
  const path = join(temporaryFolder(), "events.ndjson");
  await expect(openEventLog(path, { runId: "a/b" })).rejects.toMatchObject({ code: "LOGGING_RUN_ID_INVALID" });
  expect(() => readFileSync(path)).toThrow("ENOENT");
});
