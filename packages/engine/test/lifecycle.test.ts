/** A process that computes may end at any moment, in any way, and so may a worker thread: nothing hangs, nothing crashes. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A child that lives longer hangs; what it has enqueued would take it far longer. */
const DEADLINE_MS = 25_000;

const typescript = fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url));

const PRELUDE = `
  import { engineStats } from "@codex/engine";
  import * as tf from "@tensorflow/tfjs-core";
  import { writeSync } from "node:fs";
  import { Worker } from "node:worker_threads";
  await tf.setBackend("engine");
  const say = (text) => writeSync(1, text + "\\n");
  const large = tf.ones([1 << 22]);
  const enqueue = (count) => { for (let i = 0; i < count; i++) tf.sin(large).dispose(); };
  const enqueueMinutes = () => enqueue(50_000);
`;

/** What a worker runs (a module, as the process is started); `body` has `tf`, `parentPort`, `large` and `enqueue`. */
const WORKER = `
  const startWorker = (body) => new Worker(\`
    import "@codex/engine";
    import * as tf from "@tensorflow/tfjs-core";
    import { parentPort } from "node:worker_threads";
    await tf.setBackend("engine");
    const large = tf.ones([1 << 22]);
    const enqueue = (count) => { for (let i = 0; i < count; i++) tf.sin(large).dispose(); };
    \${body}
  \`, { eval: true });
  const once = (worker, event) => new Promise((resolve) => worker.once(event, resolve));
`;

interface RunOptions {
  readonly signal?: NodeJS.Signals;
  readonly deadlineMs?: number;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: string[];
  readonly stderr: string;
}

/** Runs a script to its end; `signal` is sent when it has said "ready". */
function run(script: string, { signal, deadlineMs = DEADLINE_MS }: RunOptions = {}): Promise<Ended> {
  const flags = ["--no-warnings", "--conditions=@codex/source", "--import", typescript, "--input-type=module"];
  const child = spawn(process.execPath, [...flags, "-e", PRELUDE + script], { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    const deadline = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`still runs after ${deadlineMs} ms\n${stdout}\n${stderr}`));
    }, deadlineMs);
    child.stdout.on("data", (data) => {
      stdout += data;
      if (signal !== undefined && stdout.includes("ready")) child.kill(signal);
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("close", (code, killedBy) => {
      clearTimeout(deadline);
      resolve({ code, signal: killedBy, lines: stdout.split("\n").slice(0, -1), stderr });
    });
  });
}

describe("with minutes of work in the queue", () => {
  test("process.exit ends the process", async () => {
    expect(await run("enqueueMinutes(); process.exit(7);")).toMatchObject({ code: 7, signal: null, stderr: "" });
  });

  test("so does the end of the program, if nobody waits for a value", async () => {
    expect(await run("enqueueMinutes();")).toMatchObject({ code: 0, signal: null, stderr: "" });
  });

  test("so does process.exit while a value is waited for", async () => {
    const script = `enqueueMinutes(); tf.sum(large).data().catch((error) => say(error.message)); setTimeout(() => process.exit(7), 100);`;
    expect(await run(script)).toMatchObject({ code: 7, signal: null, stderr: "" });
  });

  test("an uncaught exception ends it with its stack", async () => {
    const { code, signal, stderr } = await run(`enqueueMinutes(); setImmediate(() => { throw new Error("mine"); });`);
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(stderr).toContain("Error: mine");
  });

  test("an unhandled rejection too", async () => {
    const { code, stderr } = await run(
      `enqueueMinutes(); Promise.reject(new Error("mine")); await new Promise(() => setTimeout(() => {}, 1e6));`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("Error: mine");
  });

  test.each(["SIGTERM", "SIGINT"] as const)("%s ends it", async (signal) => {
    expect(await run(`enqueueMinutes(); say("ready"); setInterval(() => {}, 1e6);`, { signal })).toMatchObject({
      code: null,
      signal,
      stderr: "",
    });
  });

  test.each(["SIGTERM", "SIGINT"] as const)("%s reaches a handler, which may exit", async (signal) => {
    const script = `process.on("${signal}", () => { say("handled"); process.exit(3); });
      enqueueMinutes(); tf.sum(large).data(); setInterval(() => {}, 1e6); say("ready");`;
    expect(await run(script, { signal })).toMatchObject({
      code: 3,
      signal: null,
      lines: ["ready", "handled"],
      stderr: "",
    });
  });
});

test("a pending read keeps the process alive, and resolves", async () => {
  const { code, lines } = await run(`enqueue(100); tf.sum(large).data().then(([sum]) => say(sum));`);
  expect({ code, lines }).toEqual({ code: 0, lines: [String(2 ** 22)] });
});

test("values can be read while the process ends", async () => {
  const { code, lines } = await run(`process.on("exit", () => say(tf.sum(large).dataSync()[0])); process.exit(2);`);
  expect({ code, lines }).toEqual({ code: 2, lines: [String(2 ** 22)] });
});

describe("worker threads", () => {
  test("have engines of their own, beside that of the main thread", async () => {
    const script = `${WORKER}
      const workers = [2, 3].map((factor) => startWorker(\`
        enqueue(20);
        tf.sum(tf.mul(large, \${factor})).data().then(([sum]) => parentPort.postMessage(sum));\`));
      const sums = Promise.all(workers.map((worker) => once(worker, "message")));
      const codes = Promise.all(workers.map((worker) => once(worker, "exit")));
      enqueue(20);
      const own = tf.sum(large).data();
      say(JSON.stringify([...(await own), ...(await sums)].map((sum) => sum / 2 ** 22)));
      say(JSON.stringify(await codes));`;
    expect(await run(script)).toMatchObject({ code: 0, signal: null, lines: ["[1,2,3]", "[0,0]"], stderr: "" });
  }, 30_000);

  test("are terminated in the middle of work, twenty times, and the main thread computes on", async () => {
    const script = `${WORKER}
      const bodies = [
        "enqueue(50000); parentPort.postMessage('ready');",
        "enqueue(50000); tf.sum(large).data(); parentPort.postMessage('ready');",
        "enqueue(50000); tf.sum(large).data(); parentPort.postMessage('ready'); setTimeout(() => {}, 1e6);",
        // Who blocks for a value cannot be stopped before it is there.
        "enqueue(20); parentPort.postMessage('ready'); for (;;) tf.sum(large).dataSync();",
      ];
      for (let round = 0; round < 5; round++) {
        const workers = bodies.map(startWorker);
        await Promise.all(workers.map((worker) => once(worker, "message")));
        await new Promise((resolve) => setTimeout(resolve, 3 * round));
        await Promise.all(workers.map((worker) => worker.terminate()));
      }
      say(tf.sum(large).dataSync()[0]);`;
    expect(await run(script, { deadlineMs: 60_000 })).toMatchObject({
      code: 0,
      signal: null,
      lines: [String(2 ** 22)],
      stderr: "",
    });
  }, 70_000);

  test("end by process.exit of their own, and the main thread computes on", async () => {
    const script = `${WORKER}
      const worker = startWorker("enqueue(50000); tf.sum(large).data(); setTimeout(() => process.exit(5), 20);");
      say(await once(worker, "exit"));
      say(tf.sum(large).dataSync()[0]);`;
    expect(await run(script)).toMatchObject({ code: 0, signal: null, lines: ["5", String(2 ** 22)], stderr: "" });
  });

  test("end by an error, which the main thread hears of", async () => {
    const script = `${WORKER}
      const worker = startWorker("enqueue(50000); setTimeout(() => { throw new Error('mine'); }, 20);");
      say((await once(worker, "error")).message);
      say(await once(worker, "exit"));`;
    expect(await run(script)).toMatchObject({ code: 0, signal: null, lines: ["mine", "1"], stderr: "" });
  });

  test("do not hold up the process' end", async () => {
    const script = `${WORKER}
      const worker = startWorker("enqueue(50000); tf.sum(large).data(); parentPort.postMessage('ready'); setTimeout(() => {}, 1e6);");
      await once(worker, "message");
      enqueueMinutes();
      process.exit(4);`;
    expect(await run(script)).toMatchObject({ code: 4, signal: null, stderr: "" });
  });
});
