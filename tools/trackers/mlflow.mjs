/** A real MLflow server takes runs of Codex, its own client reads them back; `mlflow migrate-filestore` takes over a folder of them. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pythonWith } from "./python.mjs";
import { metricsOf, project, run } from "./training-run.mjs";

const reader = fileURLToPath(new URL("read_mlflow.py", import.meta.url));
/** `mlflow-skinny` and what its server imports; the whole of `mlflow` is three times that. */
const PACKAGES = [
  ...["mlflow-skinny==3.17.2", "sqlalchemy>=2,<3", "alembic>=1.14,<2", "flask>=3,<4", "flask-cors>=6,<7"],
  ...["aiohttp>=3.11,<4", "huey>=2.5,<3", "numpy>=2,<3", "pandas>=2.2,<3"],
];

export async function checkMlflow() {
  const environment = pythonWith("mlflow", PACKAGES);
  const directory = project();
  const port = await freePort();
  const uri = `http://127.0.0.1:${port}`;
  const tracked = ["tracking=mlflow", `tracking.trackers.0.uri=${uri}`];
  let server;
  try {
    // Nobody is there: the run waits for nobody, and its numbers stay where they are.
    await run(directory, ["train", "--config", "tiny.yaml", ...tracked, "tracking.finishSeconds=0.2"]);
    server = await start(directory, port, environment);
    await run(directory, ["runs", "replay", "run", "--to", "mlflow"]);
    await run(directory, ["runs", "replay", "run", "--to", "mlflow"]);
    let found = read(environment, uri, "codex");
    strictEqual(found.length, 1);
    assertRun(found[0], directory, "FINISHED");
    console.error(`  a server that came later has ${count(found[0])} values of a run, each once`);

    rmSync(join(directory, "runs"), { recursive: true });
    const long = [...tracked, "tracking.trackers.0.experiment=killed", "training.maxSteps=100000"];
    await run(
      directory,
      ["train", "--config", "tiny.yaml", "--json", ...long],
      () => metricsOf(directory).length > 1500,
    );
    await run(directory, ["runs", "replay", "run", "--to", "mlflow"]);
    found = read(environment, uri, "killed");
    strictEqual(found.length, 1);
    assertRun(found[0], directory, "KILLED");
    const saved = readdirSync(join(directory, "runs", "run", "checkpoints")).filter((name) => name.startsWith("step-"));
    const steps = Math.max(...saved.map((name) => Number(name.slice(5)))) + 30;
    rmSync(join(directory, "runs", "run", "trackers"), { recursive: true }); // as if nothing had been noted as sent
    await run(directory, ["resume", "runs/run", "--allow-drift", `training.maxSteps=${steps}`]);
    await run(directory, ["runs", "replay", "run", "--to", "mlflow"]);
    found = read(environment, uri, "killed");
    strictEqual(found.length, 1);
    assertRun(found[0], directory, "FINISHED", { resumed: true });
    console.error(`  a run that was killed and resumed is one run with ${count(found[0])} values, each once`);
  } finally {
    await stop(server);
  }
  try {
    await run(directory, ["runs", "replay", "run", "uri=mlruns", "--to", "mlflow", "--restart"]);
    const target = `sqlite:///${join(directory, "migrated.db")}`;
    const args = ["-m", "mlflow", "migrate-filestore", "--source", directory, "--target", target];
    const { status, stderr } = spawnSync("python3", args, { env: environment.env, encoding: "utf8", timeout: 120_000 });
    strictEqual(status, 0, stderr);
    const [migrated] = read(environment, target, "killed");
    assertRun(migrated, directory, "FINISHED");
    console.error(`  mlflow migrate-filestore takes over a folder with ${count(migrated)} values`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function read({ python }, uri, experiment) {
  return python(reader, uri, experiment);
}

function count({ metrics }) {
  return Object.values(metrics).flat().length;
}

/** MLflow has every record of the run, each once, at its step and time. */
function assertRun(found, directory, status, { resumed = false } = {}) {
  const folder = join(directory, "runs", "run");
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  strictEqual(found.name, "run");
  strictEqual(found.status, status);
  strictEqual(found.start, Date.parse(manifest.created_at));
  ok(found.end >= found.start);
  strictEqual(found.tags["codex.run_id"], "run");
  strictEqual(found.tags.host, manifest.machine.hostname);
  strictEqual(found.params["model.hiddenSize"], "8");
  ok(Object.keys(found.params).length > 40, "parameters");
  const own = new Map();
  for (const { split, metric, step, value, timestamp } of metricsOf(directory)) {
    const key = `${split}/${metric}`;
    if (!own.has(key)) own.set(key, []);
    own.get(key).push([step ?? 0, value, Date.parse(timestamp)]);
  }
  const byStep = ([a, , s], [b, , t]) => a - b || s - t;
  ok(own.get("train/loss").length > 30, "steps");
  for (const [key, values] of own) {
    const sent = [...(found.metrics[key] ?? [])].sort(byStep);
    const steps = (list) => list.map(([step]) => step);
    deepStrictEqual(steps(sent), steps(values), key);
    // Steps that came again after a resume took another time, and are sent as they were first.
    if (!resumed) deepStrictEqual(sent, values, key);
    else if (!/per_second|time_ms|seconds/.test(key))
      deepStrictEqual(
        sent.map(([, v]) => v),
        values.map(([, v]) => v),
        key,
      );
  }
  strictEqual(found.artifacts["config.yaml"] !== undefined, true);
  ok(
    Object.keys(found.artifacts).some((name) => name.startsWith("samples/step-")),
    "samples",
  );
  if (status === "KILLED") return; // the files that grow come with the end
  strictEqual(found.artifacts["metrics.ndjson"], readFileSync(join(folder, "metrics.ndjson"), "utf8"));
}

async function start(directory, port, { env }) {
  const store = ["--backend-store-uri", `sqlite:///${join(directory, "mlflow.db")}`];
  const artifacts = ["--artifacts-destination", join(directory, "artifacts"), "--serve-artifacts"];
  const args = [
    "-m",
    "mlflow",
    "server",
    ...store,
    ...artifacts,
    "--host",
    "127.0.0.1",
    "--port",
    `${port}`,
    "--workers",
    "1",
  ];
  const quiet = { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false", DO_NOT_TRACK: "1", MLFLOW_DISABLE_TELEMETRY: "true" };
  const options = { cwd: directory, env: { ...env, ...quiet }, stdio: ["ignore", "ignore", "pipe"], detached: true };
  const child = spawn("python3", args, options);
  let said = "";
  child.stderr.on("data", (chunk) => (said += chunk));
  for (let attempt = 0; attempt < 360; attempt++) {
    const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (response?.ok) return child;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await stop(child);
  throw new Error(`mlflow server: expected it to answer in 90 s: ${said}`);
}

/** With its workers: they are a process group of their own. */
async function stop(child) {
  if (child === undefined || child.exitCode !== null) return;
  const closed = new Promise((resolve) => child.once("close", resolve));
  process.kill(-child.pid, "SIGKILL");
  await closed;
}

function freePort() {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
