/** Trackers at the command line: the banner, one that fails, `codex status`, `codex runs replay`. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codex, projectWithPlugin, startCodex } from "./harness.ts";

const TRAIN = ["train", "--config", "tiny.yaml"];

/** A tracker that appends what it gets to `out.txt`, as long as there is no file `away`. */
const CODE = `import { appendFileSync, existsSync } from "node:fs";
const say = async (text) => {
  if (existsSync("away")) throw new Error("server is away");
  appendFileSync("out.txt", text + "\\n");
};
export const file = {
  configSchema: { type: "object", properties: { prefix: { type: "string", default: "", description: "Before each line." } }, additionalProperties: false },
  create: ({ prefix = "" }) => ({
    destination: "out.txt",
    start: () => say(prefix + "start"),
    logParams: (params) => say(prefix + "params " + params["training.maxSteps"]),
    logMetrics: (records) => say(records.filter(({ metric, split }) => metric === "loss" && split === "train").map(({ step }) => prefix + "loss " + step).join("\\n")),
    logText: ({ tag }) => say(prefix + tag),
    logArtifact: ({ name }) => say(prefix + name),
    finish: ({ status }) => say(prefix + status),
  }),
};
export const none = { configSchema: { type: "object" }, create: () => { throw new Error("no account"); } };
`;
const project = () => projectWithPlugin({ trackers: { file: "./index.js#file", none: "./index.js#none" } }, CODE);
const sent = (directory: string) => readFileSync(join(directory, "out.txt"), "utf8").trimEnd().split("\n");
const LOSSES = ["loss 1", "loss 2", "loss 3", "loss 4"];

test("the banner, the manifest and codex status say which trackers there are", async () => {
  const directory = project();
  const trained = await codex(
    directory,
    ...TRAIN,
    "tracking.trackers=[{name: file},{name: none},{name: file,prefix: b}]",
  );
  expect(trained).toMatchObject({ exitCode: 0 });
  expect(trained.err).toMatch(
    /^tracker +file +on +out\.txt\ntracker +none +off +no account\ntracker +file-2 +on +out\.txt$/m,
  );
  const statuses = [
    { name: "file", status: "on", destination: "out.txt", reason: null },
    { name: "none", status: "off", destination: null, reason: "no account" },
    { name: "file-2", status: "on", destination: "out.txt", reason: null },
  ];
  const manifest = JSON.parse(readFileSync(join(directory, "runs/run/manifest.json"), "utf8"));
  expect(manifest.details.trackers.slice(0, 3)).toEqual(statuses);
  expect(sent(directory).filter((line) => line.startsWith("loss"))).toEqual(LOSSES);
  expect(sent(directory)).toEqual(expect.arrayContaining(["start", "params 4", "metrics.ndjson", "completed"]));
  const status = JSON.parse((await codex(directory, "status", "--json")).out);
  expect(status).toMatchObject({ runId: "run", status: "completed", step: 4 });
  expect(status.trackers[0]).toEqual({ ...statuses[0], progress: { left: 0, finished: true } });
  expect((await codex(directory, "status", "run")).out).toMatch(
    /^tracker +file +on +out\.txt +everything sent, the end too$/m,
  );
  expect(await codex(directory, "status", "other")).toMatchObject({ exitCode: 3 });
});

test("a tracker that is away ends no run, is told once, and gets everything by a replay", async () => {
  const directory = project();
  writeFileSync(join(directory, "away"), "");
  const trained = await codex(directory, ...TRAIN, "tracking.trackers=[{name: file}]", "tracking.finishSeconds=0.2");
  expect(trained).toMatchObject({ exitCode: 0 });
  expect(trained.err.match(/server is away/g)).toHaveLength(2); // when it happened, and at the end
  expect(trained.err).toMatch(
    /warning: file has not taken \d+ records: server is away\. .*codex runs replay runs\/run --to file/,
  );
  expect(existsSync(join(directory, "out.txt"))).toBe(false);
  expect((await codex(directory, "status")).out).toMatch(/file +on +out\.txt +\d+ records left/);

  const refused = await codex(directory, "runs", "replay", "run", "--to", "file");
  expect(refused).toMatchObject({ exitCode: 4 });
  expect(refused.out).toMatch(/^file lacks \d+ records of run$/m);

  rmSync(join(directory, "away"));
  const replayed = await codex(directory, "runs", "replay", "run", "--to", "file");
  expect(replayed).toEqual({ exitCode: 0, out: "file has all of run: out.txt\n", err: "" });
  expect(sent(directory).filter((line) => line.startsWith("loss"))).toEqual(LOSSES);
  expect(sent(directory).at(-1)).toBe("completed");
  const lines = sent(directory).length;
  expect(await codex(directory, "runs", "replay", "run", "--to", "file", "--json")).toMatchObject({ exitCode: 0 });
  expect(sent(directory)).toHaveLength(lines + 1); // only that it started
  expect(await codex(directory, "runs", "replay", "run", "prefix='again '", "--to", "file", "--restart")).toMatchObject(
    {
      exitCode: 0,
    },
  );
  expect(sent(directory).filter((line) => line.startsWith("again loss"))).toHaveLength(4);
});

test("a replay to what is not there is refused", async () => {
  const directory = project();
  expect(await codex(directory, ...TRAIN, "training.maxSteps=1")).toMatchObject({ exitCode: 0 });
  const cases = [
    [["replay", "run", "--to", "nobody"], 2, "nobody"],
    [["replay", "run", "--to", "none"], 2, "no account"],
    [["replay", "run", "prefx=x", "--to", "file"], 2, "prefx"],
    [["replay", "run", "prefix", "--to", "file"], 2, "prefix"],
    [["replay", "other", "--to", "file"], 3, "runs list"],
    [["replay", "run"], 2, "--to"],
  ] as const;
  for (const [args, exitCode, says] of cases) {
    const { exitCode: code, err } = await codex(directory, "runs", ...args);
    expect({ args, code, err }).toEqual({ args, code: exitCode, err: expect.stringContaining(says) });
  }
  expect(existsSync(join(directory, "out.txt"))).toBe(false);
});

test("Prometheus: --telemetry.port beside a run, and a server over a folder of runs that a signal ends", async () => {
  const directory = project();
  const trained = await codex(
    directory,
    ...TRAIN,
    "--json",
    "--telemetry.port",
    "0",
    "tracking.trackers=[{name: none}]",
  );
  const events = trained.out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.find(({ type }) => type === "trackers").trackers.slice(0, 2)).toMatchObject([
    { name: "none", status: "off" },
    { name: "prometheus", status: "on", destination: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/) },
  ]);
  expect(await codex(directory, "runs", "replay", "run", "--to", "prometheus")).toMatchObject({ exitCode: 2 });

  const server = startCodex(directory, ["metrics-server", "--port", "0", "--json"]);
  const { address } = JSON.parse(await server.line((line) => line.includes("address")));
  expect(await (await fetch(address)).text()).toContain('codex_ml_training_steps_total{run="run"} 4\n');
  server.process.kill("SIGTERM");
  expect(await server.finished).toMatchObject({ exitCode: 0, signal: null });
});

test("MLflow: --tracking-uri beside the options of the configuration, on this machine unless asked for", async () => {
  const directory = project();
  const configured = "tracking.trackers=[{name: mlflow, experiment: mine}]";
  const place = join(directory, "my, runs");
  const trained = await codex(directory, ...TRAIN, configured, "--tracking-uri", place);
  expect(trained).toMatchObject({ exitCode: 0 });
  expect(trained.err).toMatch(/^tracker +mlflow +on +\S*my, runs, experiment mine$/m);
  const [experiment] = readdirSync(place);
  expect(readFileSync(join(place, experiment!, "meta.yaml"), "utf8")).toContain('name: "mine"');

  rmSync(join(directory, "runs"), { recursive: true });
  const remote = await codex(directory, ...TRAIN, "--tracking-uri", "https://mlflow.example.com");
  expect(remote).toMatchObject({ exitCode: 0 });
  expect(remote.err).toMatch(
    /^tracker +mlflow +off +MLflow: asked for https:\/\/mlflow\.example\.com, used none: .*allowRemote=true/m,
  );
  expect((await codex(directory, "status")).out).toMatch(/^tracker +mlflow +off +.*mlflow\.example\.com/m);
  const secret = ["--tracking-uri", "http://me:hidden-word@127.0.0.1:9"];
  const refused = await codex(directory, "runs", "replay", "run", "--to", "mlflow", ...secret);
  expect(refused).toMatchObject({ exitCode: 2, err: expect.not.stringContaining("hidden-word") });
  expect(refused.err).toContain("MLFLOW_TRACKING_PASSWORD");
  const replay = await codex(directory, "runs", "replay", "run", "--to", "mlflow", "--tracking-uri", place);
  expect(replay).toMatchObject({ exitCode: 0, err: "" });
  for (const flags of [
    ["--to", "file", "--tracking-uri", "x"],
    ["--to", "mlflow", "--allow-remote"],
  ])
    expect(await codex(directory, "runs", "replay", "run", ...flags)).toMatchObject({ exitCode: 2 });
});
