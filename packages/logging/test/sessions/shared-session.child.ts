/** One of several processes that write one session. Arguments: folder, database, what the messages begin with. */
import { SessionLogger } from "@codex/logging/sessions";

const [directory, database, name] = process.argv.slice(2) as [string, string, string];
await using session = new SessionLogger({ sessionId: "shared", directory, database });
for (let n = 0; n < 300; n += 10) {
  await Promise.all(Array.from({ length: 10 }, (_, k) => session.logEvent("tool", `${name} ${n + k}`)));
}
