import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatErrorBlock, logChange, logError, logResult, readErrors } from "@codex/logging/work-log";
import { temporaryFolder } from "./temporary-folder.ts";

const now = () => new Date("2026-11-20T23:15:03Z");
const secret = `ghp_${"aB3d".repeat(9)}`;

test("changes and results are one line each, at the end, without secrets", async () => {
  const directory = join(temporaryFolder(), ".codex");
  await logChange({ section: "data", details: "deduplicated\nthe corpus" }, { directory, now });
  const path = await logChange({ section: "a*b", details: `token ${secret}` }, { directory, now });
  expect(path).toBe(join(directory, "change_log.md"));
  expect(readFileSync(path, "utf8")).toBe(
    "- 2026-11-20T23:15:03.000Z **data** deduplicated the corpus\n- 2026-11-20T23:15:03.000Z **a\\*b** token [REDACTED:github-personal-token]\n",
  );
  await logResult({ title: "bits per byte", details: "1.360" }, { directory, now });
  expect(readFileSync(join(directory, "results.md"), "utf8")).toBe(
    "- 2026-11-20T23:15:03.000Z **bits per byte** 1.360\n",
  );
});

test("errors are records, and a question to whoever can help", async () => {
  const directory = temporaryFolder();
  expect(await readErrors({ directory })).toEqual([]);
  const step = { number: 3, description: "train the tokenizer" };
  await logError({ step, message: "disk full", context: "32k ids", suggestion: "free 2 GB" }, { directory, now });
  await logError({ step: { description: "upload" }, message: `refused ${secret}` }, { directory, now });
  const [first, second] = await readErrors({ directory });
  expect(formatErrorBlock(first!)).toBe(
    "Question 2026-11-20T23:15:03.000Z: While performing [3: train the tokenizer], encountered the following error: disk full\nContext: 32k ids\nSuggestion: free 2 GB",
  );
  expect(formatErrorBlock(second!)).toContain("[upload], encountered the following error: refused [REDACTED:");
  expect(JSON.stringify(second)).not.toContain(secret);
});

test("many writers at once: every entry is there, whole", async () => {
  const directory = temporaryFolder();
  const entries = Array.from({ length: 50 }, (_, at) => `entry ${at}`);
  await Promise.all(entries.map((message) => logError({ step: { description: "s" }, message }, { directory })));
  expect((await readErrors({ directory })).map(({ message }) => message).sort()).toEqual([...entries].sort());
});

test("a line that is no record is named", async () => {
  const directory = temporaryFolder();
  await logError({ step: { description: "s" }, message: "m" }, { directory });
  appendFileSync(join(directory, "errors.ndjson"), "{}\n");
  await expect(readErrors({ directory })).rejects.toMatchObject({
    code: "LOGGING_FILE_FOREIGN",
    message: expect.stringContaining("errors.ndjson:2"),
  });
});
