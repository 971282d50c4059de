/** Whatever is written about a run, no secret of a known shape is in it: every rule, through every writer. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { collectRunManifest, openEventLog, openMetricLog, writeRunManifest } from "@codex/logging";
import { fixtures } from "../../safety/test/secret-fixtures.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const secrets = Object.entries(fixtures).flatMap(([rule, { positives }]) =>
  positives.map(
    ([before, secret, after], index) => [`${rule} ${index}`, `${before}${secret}${after}`, secret] as const,
  ),
);

test.each(secrets)("%s is in no file", async (_name, text, secret) => {
  const directory = temporaryFolder();
  {
    await using metrics = await openMetricLog(directory, { runId: "run-1" });
    const tags = { note: text, [text]: "1" };
    await metrics.metric({ step: 1, split: "train", metric: `m ${text}`, value: 1, dataset: text, tags });
    await using events = await openEventLog(join(directory, "events.ndjson"), { runId: "run-1" });
    await events.log("run.failed", { message: text, list: [{ deep: text }], error: new Error(text) }, "error");
    await writeRunManifest(
      directory,
      await collectRunManifest({
        runId: "run-1",
        seeds: {},
        data: [],
        details: { note: text },
        command: ["codex", "train", `note=${text}`],
        environment: { CODEX_NOTE: text, CODEX_API_TOKEN: "by-name-alone" },
      }),
    );
  }
  const written = readdirSync(directory).map((name) => readFileSync(join(directory, name), "utf8"));
  expect(written).toHaveLength(4);
  for (const contents of written) {
    // In JSON and CSV line breaks and quotes look otherwise; the longest plain part of the secret would still stand there.
    for (const part of secret.split(/[\r\n"\\]+/))
      if (part.length >= Math.min(16, secret.length)) expect(contents).not.toContain(part);
    expect(contents).not.toContain("by-name-alone");
  }
});
