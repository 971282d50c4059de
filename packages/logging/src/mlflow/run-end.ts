import { nodeFs } from "@codex/storage";
import { openRecordSources } from "../tracking/record-sources.ts";

/** Whether the events of a run tell its end; and the time of the last one, in milliseconds since 1970. */
export async function hasEnded(runDirectory: string): Promise<{ ended: boolean; lastTime: number | undefined }> {
  await using sources = openRecordSources(runDirectory, nodeFs);
  let ended = false;
  let lastTime: number | undefined;
  for (let offset = 0; ; ) {
    const { records, end } = await sources.events.read(offset);
    if (end === offset) return { ended, lastTime };
    for (const { record } of records) {
      if (record.event === "run.finished") ended = true;
      else if (record.event === "run.started" || record.event === "run.resumed") ended = false;
      lastTime = Date.parse(record.timestamp);
    }
    offset = end;
  }
}
