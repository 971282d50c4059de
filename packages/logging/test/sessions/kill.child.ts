/**
 * A process that logs into a session until it is killed. Arguments: folder, database, session, what the messages begin with and,
 * to kill itself, before or within which call of the file system. Prints the number of each event that was accepted.
 */
import { writeSync } from "node:fs";
import { SessionLogger } from "@codex/logging/sessions";
import { nodeAppendFs } from "@codex/storage";
import { interceptAppendFs } from "@codex/storage/testing";
import { messageOf } from "./kill-messages.ts";

const [directory, database, sessionId, prefix, killAt, how] = process.argv.slice(2) as string[];
const fs = interceptAppendFs(nodeAppendFs, ({ index }) =>
  index === Number(killAt) ? { kill: true, short: how === "half" } : undefined,
);

const session = new SessionLogger({ sessionId: sessionId!, directory: directory!, database: database!, fs });
for (let round = 0, n = 0; ; round++) {
  const accepted = Array.from({ length: 1 + ((round * 7) % 19) }, () => {
    const number = n++;
    return session.logEvent("user", messageOf(prefix!, number)).then(() => `${prefix}:${number}\n`);
  });
  print((await Promise.all(accepted)).join(""));
}

/** The parent may be slow to read: a full pipe is tried again. */
function print(text: string): void {
  for (let rest = Buffer.from(text); rest.byteLength > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
