import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { acquireLock } from "@codex/storage";
import type {
  Change,
  EventPage,
  MetricName,
  RunDetails,
  RunList,
  SeriesAnswer,
  SessionList,
  SessionPage,
  SessionSearch,
} from "../src/protocol.ts";
import { startUi, type UiServer } from "../src/server.ts";
import { append, at, eventLine, metricLine, temporaryFolder, writeRun, writeSession } from "./run-folder.ts";

let folder: string;
let ui: UiServer;

const steps = Array.from({ length: 100 }, (_, i) => i + 1);

beforeAll(async () => {
  folder = temporaryFolder();
  mkdirSync(join(folder, "page"));
  writeFileSync(join(folder, "page", "index.html"), "<!doctype html><title>Codex</title>");
  const root = join(folder, "runs");
  const first = writeRun(root, "first", {
    metrics: steps.map((step) => metricLine("first", step, 10 / step)).join(""),
    events:
      eventLine("first", "run.started") +
      eventLine("first", "training.start", { step: 0, maxSteps: 100, trainableParameters: 42 }) +
      eventLine("first", "training.evaluation", { step: 50, lossNats: 2.5 }, 50) +
      eventLine("first", "training.sample", { step: 50, text: "<script>alert(1)</script>" }, 50) +
      eventLine("first", "training.checkpoint", { step: 100, durationMs: 12 }, 100) +
      eventLine("first", "run.finished", { status: "completed", step: 100, completion: "the end" }, 101),
    config: "seed: 1\nmodel:\n  name: llama\n  sizes: [1, 2]\ndata: { name: corpus }\n",
  });
  const checkpoint = join(first, "checkpoints", "step-00000100");
  mkdirSync(checkpoint, { recursive: true });
  const files = [{ name: "model.safetensors", size: 1000, sha256: "" }];
  writeFileSync(
    join(checkpoint, "manifest.json"),
    JSON.stringify({ step: 100, evaluation: { lossNats: 2.25 }, files }),
  );
  writeFileSync(join(first, "checkpoints", "best.json"), JSON.stringify({ path: "step-00000100" }));
  writeRun(root, "second", {
    metrics: steps.map((step) => metricLine("second", step, 5)).join(""),
    config: "seed: 2\nmodel:\n  name: gpt2\n",
  });
  mkdirSync(join(root, "damaged"));
  writeFileSync(join(root, "damaged", "manifest.json"), "{");
  mkdirSync(join(root, "no-run"));
  writeSession(join(folder, "sessions"), "tune", [
    { type: "session_start", role: "system", message: "" },
    { message: "Which rate is best?" },
    { role: "assistant", message: "The rate of 3e-3 is best." },
    { role: "tool", level: "error", message: "disk is full" },
    { type: "session_end", role: "system", message: "", metadata: { exit_code: 3 } },
  ]);
  writeSession(join(folder, "sessions"), "other", [{ message: "nothing of the kind" }]);
  ui = await startUi({
    root,
    sessions: join(folder, "sessions"),
    port: 0,
    pageDirectory: join(folder, "page"),
  });
});

afterAll(() => ui.close());

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${ui.url}api/${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

async function series(body: object): Promise<SeriesAnswer> {
  const wanted = { metric: "loss", source: "metrics", axis: "step", from: null, to: null, width: 50, smoothing: 0 };
  const response = await fetch(`${ui.url}api/series`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...wanted, ...body }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as SeriesAnswer;
}

/** A request with headers that `fetch` does not let one set. */
function raw(
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port: ui.port, path, method, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    sent.on("error", reject).end();
  });
}

test("runs are listed with what is known of them", async () => {
  const { root, runs } = await get<RunList>("runs");
  expect(root).toBe(join(folder, "runs"));
  expect(runs.map(({ id, status }) => [id, status]).sort()).toEqual([
    ["damaged", "unreadable"],
    ["first", "completed"],
    ["second", "unfinished"],
  ]);
  expect(runs.find(({ id }) => id === "damaged")?.problem).toMatch(/manifest\.json/);
  expect(runs.find(({ id }) => id === "first")).toMatchObject({
    ...{ step: 100, maxSteps: 100, parameters: 42, model: "llama", data: "corpus", samples: 2, checkpoints: 1 },
    latest: [{ split: "train", metric: "loss", dataset: "corpus", step: 100, value: 0.1 }],
    evaluations: [[50, 2.5]],
    updatedAt: at(101),
  });
});

test("a run whose process is there is running", async () => {
  using _lock = await acquireLock(join(folder, "runs", "second"));
  const { runs } = await get<RunList>("runs");
  expect(runs.find(({ id }) => id === "second")?.status).toBe("running");
});

test("a run in detail: configuration, checkpoints, samples", async () => {
  const details = await get<RunDetails>("runs/first");
  expect(details.config).toEqual([
    ["seed", "1"],
    ["model.name", "llama"],
    ["model.sizes", "[1,2]"],
    ["data.name", "corpus"],
  ]);
  expect(details.checkpoints).toEqual([
    {
      ...{ name: "step-00000100", step: 100, bytes: 1000, savedAt: at(100), durationMs: 12, lossNats: 2.25 },
      ...{ isLatest: false, isBest: true, files: [{ name: "model.safetensors", size: 1000 }] },
    },
  ]);
  expect(details.samples.map(({ kind, step, text }) => [kind, step, text])).toEqual([
    ["sample", 50, "<script>alert(1)</script>"],
    ["completion", 100, "the end"],
  ]);
});

test("events are searched, the newest first", async () => {
  expect((await get<EventPage>("runs/first/events?limit=1")).events[0]?.event).toBe("run.finished");
  const found = await get<EventPage>("runs/first/events?text=ALERT");
  expect(found).toMatchObject({ total: 6, matching: 1, events: [{ event: "training.sample" }] });
});

test("curves of several runs, whole where they fit and reduced where they do not", async () => {
  expect(await get<MetricName[]>("metrics?runs=first,second")).toEqual([
    { metric: "loss", source: "metrics", splits: ["train"], runs: 2 },
  ]);
  const whole = await series({ runs: ["first", "second", "nowhere"] });
  expect(whole).toMatchObject({ domain: [1, 100], pending: [], grid: [] });
  expect(whole.curves.map(({ run, count, x }) => [run, count, x?.length])).toEqual([
    ["first", 100, 100],
    ["second", 100, 100],
  ]);
  const reduced = await series({ runs: ["first"], width: 20 });
  expect(reduced.grid.length).toBeGreaterThan(9);
  expect(reduced.grid.length).toBeLessThanOrEqual(21);
  expect(reduced.curves[0]).toMatchObject({
    count: 100,
    high: expect.arrayContaining([10]),
    low: expect.arrayContaining([0.1]),
  });
  const part = await series({ runs: ["first"], from: 40, to: 42 });
  expect(part.curves[0]?.x).toEqual([39, 40, 41, 42, 43]);
});

test("held-out values are not smoothed", async () => {
  const directory = writeRun(join(folder, "runs"), "smooth", {
    metrics: [1, 2, 3]
      .map((step) => metricLine("smooth", step, step) + metricLine("smooth", step, step, { split: "validation" }))
      .join(""),
  });
  await get("runs");
  const { curves } = await series({ runs: ["smooth"], smoothing: 0.9 });
  expect(curves.map(({ split, smooth }) => [split, smooth?.length])).toEqual([
    ["train", 3],
    ["validation", undefined],
  ]);
  rmSync(directory, { recursive: true });
});

test("an open page is told of new lines, new runs and cut files", async () => {
  const directory = writeRun(join(folder, "runs"), "live", { metrics: metricLine("live", 1, 3) });
  expect((await series({ runs: ["live"] })).curves).toEqual([]); // not listed yet
  const abort = new AbortController();
  const response = await fetch(`${ui.url}api/changes`, { signal: abort.signal });
  const changes: Change[] = [];
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      for (const [, data] of decoder.decode(chunk).matchAll(/^data: (.*)$/gm)) changes.push(JSON.parse(data as string));
  })().catch(() => {});
  const until = async (passes: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await passes())) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await until(() => changes.some(({ list }) => list));
  expect((await series({ runs: ["live"] })).curves[0]?.y).toEqual([3]);
  changes.length = 0;
  append(directory, "metrics.ndjson", metricLine("live", 2, 2.5) + metricLine("live", 3, 2).slice(0, 60));
  await until(() => changes.some(({ runs }) => runs.includes("live")));
  await until(async () => (await series({ runs: ["live"] })).curves[0]?.y.length === 2);
  // Resuming cuts what comes again.
  writeFileSync(join(directory, "metrics.ndjson"), metricLine("live", 1, 3) + metricLine("live", 2, 9));
  await until(async () => (await series({ runs: ["live"] })).curves[0]?.y[1] === 9);
  rmSync(directory, { recursive: true });
  await until(async () => !(await get<RunList>("runs")).runs.some(({ id }) => id === "live"));
  abort.abort();
  await reading;
});

test("transcripts are listed, shown and searched", async () => {
  const { sessions } = await get<SessionList>("sessions");
  expect(sessions.map(({ id, title, exitCode, ended }) => ({ id, title, exitCode, ended }))).toEqual([
    { id: "tune", title: "Which rate is best?", exitCode: 3, ended: true },
    { id: "other", title: "nothing of the kind", exitCode: null, ended: false },
  ]);
  const page = await get<SessionPage>("sessions/tune?role=assistant");
  expect(page).toMatchObject({
    total: 5,
    matching: 1,
    badLines: 0,
    events: [{ line: 3, message: "The rate of 3e-3 is best." }],
  });
  const { hits } = await get<SessionSearch>("session-search?text=BEST%20rate");
  expect(hits.map(({ session, line }) => [session, line])).toEqual([
    ["tune", 2],
    ["tune", 3],
  ]);
});

describe("who is refused", () => {
  const own = () => `127.0.0.1:${ui.port}`;
  test.each([
    ["a name that points here", () => ({ host: "evil.example" })],
    ["another port", () => ({ host: "127.0.0.1:1" })],
    ["a script of another site", () => ({ host: own(), origin: "http://evil.example" })],
    ["a sandboxed frame", () => ({ host: own(), origin: "null" })],
    ["an image of another site", () => ({ host: own(), "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })],
  ])("%s", async (_, headers) => {
    const { status, body } = await raw("/api/runs", headers());
    expect(status).toBe(403);
    expect(body).not.toContain("first");
  });

  test("a link from another site opens the page", async () => {
    const headers = { host: own(), "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await raw("/", headers)).status).toBe(200);
  });

  test.each([
    "/../package.json",
    "/%2e%2e/runs/first/manifest.json",
    "/api/runs/..",
    "/api/runs/..%2f..%2fetc",
    "/api/runs/no-run",
    "/api/sessions/..%2Fsecret",
    "/api/sessions/%00",
    "/api/runs/%ff",
    "/api/nothing",
  ])("%s", async (path) => {
    const { status } = await raw(path, { host: own() });
    expect([400, 404]).toContain(status);
  });

  test("writing, and bodies of other kinds", async () => {
    expect((await raw("/api/runs", { host: own() }, "DELETE")).status).toBe(405);
    expect((await raw("/", { host: own() }, "POST")).status).toBe(404);
    const form = await fetch(`${ui.url}api/series`, { method: "POST", body: "runs=first" });
    expect(form.status).toBe(415);
    const broken = await fetch(`${ui.url}api/series`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "[",
    });
    expect(broken.status).toBe(400);
  });

  test("the page forbids whatever is not its own", async () => {
    const { headers } = await raw("/", { host: own() });
    expect(headers["content-security-policy"]).toMatch(/default-src 'none'; script-src 'self'/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });
});

test("a folder that was copied is shown as it is, and nothing is written into it", async () => {
  const copy = join(temporaryFolder(), "copy");
  cpSync(join(folder, "runs"), copy, { recursive: true });
  const contents = () =>
    readdirSync(copy, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), "base64")]);
  const before = contents();
  await using server = await startUi({ root: copy, port: 0, pageDirectory: join(folder, "page") });
  const { runs } = (await (await fetch(`${server.url}api/runs`)).json()) as RunList;
  expect(runs).toHaveLength(3);
  await fetch(`${server.url}api/runs/first`);
  expect(contents()).toEqual(before);
});

test("the root may be one run", async () => {
  const root = join(folder, "runs", "first");
  await using server = await startUi({ root, port: 0, pageDirectory: join(folder, "page") });
  const { runs } = (await (await fetch(`${server.url}api/runs`)).json()) as RunList;
  expect(runs.map(({ id }) => id)).toEqual(["first"]);
});

test("files of a hostile run lead nowhere else", async () => {
  const root = join(temporaryFolder(), "runs");
  const directory = writeRun(root, "hostile");
  writeFileSync(join(root, "..", "secret.yaml"), "password: abc\n");
  symlinkSync(join(root, "..", "secret.yaml"), join(directory, "config.yaml"));
  symlinkSync(join(folder, "runs", "first"), join(root, "elsewhere"));
  writeFileSync(join(directory, "overrides.txt"), "");
  append(
    directory,
    "metrics.ndjson",
    '{"schema_version":1,"metric":"__proto__","split":"train","value":1,"step":1,"timestamp":"2026-01-01T00:00:00Z"}\n\u0000\n[]\n',
  );
  await using server = await startUi({ root, port: 0, pageDirectory: join(folder, "page") });
  const { runs } = (await (await fetch(`${server.url}api/runs`)).json()) as RunList;
  expect(runs.map(({ id }) => id)).toEqual(["hostile"]);
  const text = await (await fetch(`${server.url}api/runs/hostile`)).text();
  expect(text).not.toContain("password");
  expect(text).toContain("no config.yaml");
});

test("a YAML bomb is a problem that is told", async () => {
  const root = temporaryFolder();
  const bomb = `a0: &a0 [1,1,1,1,1,1,1,1,1]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(",")}]`).join("\n")}\n`;
  writeRun(root, "bomb", { config: bomb });
  await using server = await startUi({ root, port: 0, pageDirectory: join(folder, "page") });
  const details = (await (await fetch(`${server.url}api/runs/bomb`)).json()) as RunDetails;
  expect(details.configProblem).toMatch(/alias/i);
});

test.each([
  ["a folder that is not there", { root: "/nowhere/runs" }, "UI_FOLDER_NOT_FOUND", /--root/],
  ["a page that is not built", { pageDirectory: "/nowhere/page" }, "UI_PAGE_MISSING", /npm run build/],
])("%s is an error that says what to do", async (_, options, code, help) => {
  const wanted = { root: join(folder, "runs"), pageDirectory: join(folder, "page"), port: 0, ...options };
  await expect(startUi(wanted)).rejects.toMatchObject({ name: "UiError", code, help: expect.stringMatching(help) });
});

test("a port that is taken is an error when it was asked for", async () => {
  const options = { root: join(folder, "runs"), pageDirectory: join(folder, "page"), port: ui.port };
  await expect(startUi(options)).rejects.toMatchObject({ code: "UI_PORT_UNAVAILABLE" });
});
