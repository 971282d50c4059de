/** Writes half of ten bytes and dies. Says how many arrived, through a second, unharmed view of the same disk. */
import { writeSync } from "node:fs";
import { interceptFs, MemoryFs } from "@codex/storage/testing";

const memory = new MemoryFs();
const fs = interceptFs(memory, ({ operation }) => {
  if (operation !== "write") return undefined;
  process.once("exit", () => writeSync(1, "must not be seen: SIGKILL runs no handlers\n"));
  return { short: true, kill: true };
});
const file = await fs.open("/f", "wx");
const kill = process.kill;
process.kill = (pid, signal) => {
  const effect = memory.journal.at(-1);
  writeSync(1, `half of 10 bytes: ${effect?.kind === "write" ? effect.bytes.byteLength : "none"}\n`);
  return kill.call(process, pid, signal);
};
await file.write(new Uint8Array(10), 0);
