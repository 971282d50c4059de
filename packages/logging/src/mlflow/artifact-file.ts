import { createReadStream } from "node:fs";
import { writeFileDurably } from "@codex/storage";
import type { FileSource } from "./mlflow-store.ts";

/** Writes an artifact, whole or not at all. Its folder has to be there. */
export async function copyTo(target: string, source: FileSource): Promise<void> {
  if ("text" in source) return void (await writeFileDurably(target, source.text));
  await writeFileDurably(target, async (writer) => {
    for await (const chunk of createReadStream(source.path)) await writer.write(chunk as Buffer);
  });
}
