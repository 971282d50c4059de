/** Prometheus' own checker reads what a run and `codex metrics-server` serve. */
import { ok } from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../setup.mjs";
import { codexArguments, project, run } from "./training-run.mjs";

export async function checkPrometheus() {
  const promtool = findPromtool();
  if (promtool === undefined) {
    console.error("  promtool is not here and cannot be had from Debian: left out, packages/logging tests the format");
    return;
  }
  const directory = project();
  try {
    await run(directory, ["train", "--config", "tiny.yaml"]);
    const served = await scrapeOf(directory, ["metrics-server", "--json", "--port", "0"], /"address":"([^"]+)"/);
    check(promtool, served, ["codex_ml_training_steps_total", "train_step_seconds_bucket", "codex_ml_training_loss"]);
    const telemetry = ["train", "--config", "tiny.yaml", "--json", "--telemetry.enable", "--telemetry.port", "0"];
    const live = await scrapeOf(
      directory,
      [...telemetry, "training.maxSteps=100000", "logging.runId=live"],
      /"destination":"(http[^"]+)"/,
      (text) => text.includes("train_step_seconds_bucket"),
    );
    check(promtool, live, ["codex_ml_training_steps_total", "train_step_seconds_bucket"]);
    console.error("  promtool finds nothing wrong with codex metrics-server and with a run that goes on");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function check(promtool, text, names) {
  for (const name of names) ok(text.includes(name), `expected ${name}`);
  const { status, stdout, stderr } = spawnSync(promtool, ["check", "metrics"], { input: text, encoding: "utf8" });
  ok(status === 0, `promtool check metrics: ${stdout}${stderr}`);
}

/** Starts a command, waits for its address, and scrapes it until the text passes. */
async function scrapeOf(directory, args, address, passes = () => true) {
  const child = spawn(process.execPath, codexArguments(args), { cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const found = await new Promise((resolve, reject) => {
      let output = "";
      child.stdout.on("data", (chunk) => {
        output += chunk;
        const [, match] = address.exec(output) ?? [];
        if (match !== undefined) resolve(match);
      });
      child.on("close", (code) => reject(new Error(`codex ${args.join(" ")}: exit code ${code}`)));
    });
    for (;;) {
      const text = await (await fetch(found)).text();
      if (passes(text)) return text;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    child.kill("SIGKILL");
  }
}

/** The one of the machine, or the one of Debian's package, unpacked into a folder of this clone. */
function findPromtool() {
  if (spawnSync("promtool", ["--version"], { stdio: "ignore" }).status === 0) return "promtool";
  const folder = join(repository, "node_modules", ".cache", "promtool");
  const unpacked = join(folder, "usr", "bin", "promtool");
  if (existsSync(unpacked)) return unpacked;
  mkdirSync(folder, { recursive: true });
  const download = () =>
    spawnSync("apt-get", ["download", "prometheus"], { cwd: folder, stdio: "ignore", timeout: 60_000 }).status === 0;
  if (
    !download() &&
    (spawnSync("apt-get", ["update"], { stdio: "ignore", timeout: 60_000 }).status !== 0 || !download())
  )
    return undefined;
  const [archive] = readdirSync(folder).filter((name) => name.endsWith(".deb"));
  spawnSync("dpkg-deb", ["-x", join(folder, archive), folder], { stdio: "ignore" });
  rmSync(join(folder, archive));
  return existsSync(unpacked) ? unpacked : undefined;
}
