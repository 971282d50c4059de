/** A process with a session, that ends in the way that its first argument says. Further arguments: folder, database. */
import { SessionLogger } from "@codex/logging/sessions";

const [how, directory, database] = process.argv.slice(2) as [string, string, string];
const options = { sessionId: "child", directory, database };

async function main(): Promise<void> {
  await using session = new SessionLogger(options);
  await session.logEvent("user", "waited for");
  void session.logEvent("user", "not waited for");
  switch (how) {
    case "exit 3":
      return process.exit(3);
    case "exitCode 4":
      process.exitCode = 4;
      return;
    case "throws":
    case "throws and is caught":
      throw new Error("thrown");
    case "throws late":
      setImmediate(() => {
        throw new Error("thrown");
      });
      return new Promise(() => {});
    case "rejects":
      void Promise.reject(new Error("thrown"));
      return new Promise((resolve) => setTimeout(resolve, 10_000));
    case "SIGTERM":
    case "SIGINT":
      process.kill(process.pid, how);
      return new Promise((resolve) => setTimeout(resolve, 10_000));
    case "SIGTERM handled":
      process.on("SIGTERM", () => process.exit(7));
      process.kill(process.pid, "SIGTERM");
      return new Promise((resolve) => setTimeout(resolve, 10_000));
  }
}

if (how === "throws in block") {
  using session = new SessionLogger(options);
  await session.logEvent("user", "waited for");
  void session.logEvent("user", "not waited for");
  throw new Error("thrown");
}
if (how === "throws and is caught") await main().catch(() => {});
else await main();
