/** The real `wandb sync` uploads what Codex writes, to a server of this process that answers as far as it asks. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pythonWith } from "./python.mjs";
import { metricsOf, project, run, savedStep } from "./training-run.mjs";

const reader = fileURLToPath(new URL("read_wandb.py", import.meta.url));

export async function checkWandb() {
  const environment = pythonWith("wandb", ["wandb==0.31.0"]);
  const directory = project();
  const home = mkdtempSync(join(tmpdir(), "codex-wandb-"));
  const server = await standIn();
  try {
    const sync = (folder) => wandbSync(folder, { ...environment.env, HOME: home, WANDB_BASE_URL: server.address });
    await run(
      directory,
      ["train", "--config", "tiny.yaml", "--json", "tracking=wandb", "training.maxSteps=100000"],
      () => bytesOf(directory) > 40_000,
    );
    await sync(runFolder(directory));
    const killed = server.uploaded();
    assertRows(killed.rows, metricsOf(directory), { whole: false });
    console.error(`  wandb sync takes ${killed.rows.length} rows of a run that was killed`);

    const steps = savedStep(directory) + 30;
    await run(directory, ["resume", "runs/run", "--allow-drift", `training.maxSteps=${steps}`]);
    const [file] = readdirSync(runFolder(directory)).filter((name) => name.endsWith(".wandb"));
    const records = environment.python(reader, join(runFolder(directory), file));
    strictEqual(records.filter(({ exit }) => exit !== undefined).length, 1);
    deepStrictEqual(
      records.map(({ num }) => num),
      records.map((_, index) => String(index + 1)),
    );

    server.clear();
    await sync(runFolder(directory));
    const { rows, config, files, exitCode } = server.uploaded();
    assertRows(rows, metricsOf(directory), { whole: true });
    ok(rows.some(({ sample }) => typeof sample === "string"));
    strictEqual(config["training.maxSteps"].value, 100_000); // sent once, as the run began
    strictEqual(exitCode, 0);
    const metrics = readFileSync(join(directory, "runs", "run", "metrics.ndjson"), "utf8");
    strictEqual(files.get("run/metrics.ndjson"), metrics);
    console.error(
      `  wandb sync uploads ${rows.length} rows, the configuration and files of a resumed run with equal values`,
    );
  } finally {
    await server.close();
    for (const folder of [directory, home]) rmSync(folder, { recursive: true, force: true });
  }
}

function runFolder(directory) {
  const folder = join(directory, "runs", "run", "wandb");
  return join(folder, readdirSync(folder)[0]);
}

function bytesOf(directory) {
  try {
    const folder = runFolder(directory);
    return Math.max(0, ...readdirSync(folder).map((name) => statSync(join(folder, name)).size));
  } catch {
    return 0; // not yet
  }
}

/** Each record of the run stands in a row with its step, with an equal value, and row numbers go up by one. */
function assertRows(rows, records, { whole }) {
  deepStrictEqual(
    rows.map(({ _step }) => _step),
    rows.map((_, index) => index),
  );
  const found = new Map();
  for (const row of rows) for (const [key, value] of Object.entries(row)) found.set(`${key} ${row.step}`, value);
  let compared = 0;
  for (const { split, metric, step, value } of records) {
    const uploaded = found.get(`${split}/${metric} ${step}`);
    if (uploaded === undefined) {
      ok(!whole, `${split}/${metric} of step ${step} is missing`);
      continue;
    }
    // Steps that came again after a resume took another time.
    if (!/per_second|time_ms/.test(metric)) strictEqual(uploaded, value, `${split}/${metric} of step ${step}`);
    compared += 1;
  }
  ok(compared > 50, `expected some rows to compare, got ${compared}`);
}

function wandbSync(folder, env) {
  const args = ["-m", "wandb", "sync", "--include-synced", folder];
  const child = spawn("python3", args, {
    cwd: env.HOME,
    env: { ...env, WANDB_API_KEY: "0".repeat(40) },
    timeout: 120_000,
  });
  return new Promise((resolve, reject) => {
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`wandb sync: ${output}`))));
  });
}

/** What `wandb sync` asks of a server: a run to put things in, addresses to put files to, and the stream of its rows. */
async function standIn() {
  let state;
  const clear = () => {
    state = { lines: new Map(), files: new Map(), config: {}, exitCode: undefined };
  };
  clear();
  const answer = (request, body) => {
    if (request.method === "PUT") state.files.set(decodeURIComponent(request.url.slice("/storage/".length)), body);
    if (request.url.endsWith("/file_stream")) {
      const { files = {}, exitcode } = JSON.parse(body);
      const { offset = 0, content = [] } = files["wandb-history.jsonl"] ?? {};
      content.forEach((line, index) => void state.lines.set(offset + index, JSON.parse(line)));
      if (exitcode !== undefined) state.exitCode = exitcode;
    }
    if (request.url !== "/graphql") return {};
    const { query, variables } = JSON.parse(body);
    if (/upsertBucket/.test(query)) {
      Object.assign(state.config, JSON.parse(variables.config ?? "{}"));
      const entity = { id: "e", name: "me" };
      const bucket = { id: "b", name: variables.name, project: { id: "p", name: variables.project, entity } };
      return { data: { upsertBucket: { bucket: { ...bucket, historyLineCount: 0, config: "{}" }, inserted: true } } };
    }
    if (/createRunFiles/.test(query)) {
      const files = variables.files.map((name) => ({
        name,
        uploadUrl: `${address}/storage/${encodeURIComponent(name)}`,
      }));
      return { data: { createRunFiles: { runID: "b", uploadHeaders: [], files } } };
    }
    return { data: { serverInfo: { features: [] }, viewer: { id: "u", entity: "me", username: "me", flags: "{}" } } };
  };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answer(request, Buffer.concat(chunks).toString())));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  return {
    address,
    clear,
    uploaded: () => ({ ...state, rows: [...state.lines].sort(([a], [b]) => a - b).map(([, row]) => row) }),
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}
