/** Real signals to a real process. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const register = new URL("../../../tools/jest/register-typescript.mjs", import.meta.url).href;
const child = fileURLToPath(new URL("signal-child.ts", import.meta.url));

/** Starts the child and sends it a signal whenever it prints a line that begins with one of the keys. */
async function runChild(signals: Record<string, NodeJS.Signals>, ...flags: string[]) {
  const running = spawn(process.execPath, ["--conditions=@codex/source", "--import", register, child, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  createInterface({ input: running.stdout }).on("line", (line) => {
    lines.push(line);
    for (const [prefix, signal] of Object.entries(signals)) if (line.startsWith(prefix)) running.kill(signal);
  });
  const exit = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    running.on("close", (code, signal) => resolve({ code, signal }));
  });
  return { lines: lines.filter((line) => !line.includes("TensorFlow")), ...exit };
}

test.each<[NodeJS.Signals, number]>([
  ["SIGINT", 130],
  ["SIGTERM", 143],
])("%s ends the step, saves once, takes its handlers away and exits %d", async (signal, code) => {
  const ended = await runChild({ running: signal });
  expect(ended).toEqual({
    lines: ["running", `stopping on ${signal}`, "save true", "stopped signal 0 0"],
    code,
    signal: null,
  });
});

test("a second signal exits at once, with its own code, although the save hangs", async () => {
  const ended = await runChild({ running: "SIGINT", save: "SIGTERM" }, "--save-never-ends");
  expect(ended).toEqual({ lines: ["running", "stopping on SIGINT", "save true"], code: 143, signal: null });
});
