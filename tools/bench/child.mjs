/** Runs a measurement in a process of its own, to its last line of JSON; says why when there is none. */
import { spawn } from "node:child_process";

// OpenBLAS at the settings that its own detection would choose: some environments pin an old processor, which halves a peer's speed.
const { OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE, ...inherited } = process.env;

export function measure(command, args, budgetSeconds, environment = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args.map(String), {
      env: { ...inherited, TF_CPP_MIN_LOG_LEVEL: "2", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, budgetSeconds * 1000);
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.on("error", (error) => (errors += error.message));
    child.on("close", (code) => {
      clearTimeout(timer);
      if (late) return resolve({ reason: `did not finish within ${budgetSeconds} s` });
      if (code !== 0) {
        const lines = errors.trim().split("\n");
        const line =
          lines.find((text) => /^(\w*Error\b|\S+ aborted)/i.test(text.trim())) ?? lines.at(-1) ?? `exit code ${code}`;
        return resolve({ reason: line.trim().slice(0, 160) });
      }
      resolve(JSON.parse(output.trim().split("\n").at(-1)));
    });
  });
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
