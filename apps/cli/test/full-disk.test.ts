import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codex, project, startCodex } from "./harness.ts";

const RUN = ["train", "-c", "tiny.yaml", "--json", "training.checkpointEverySteps=0", "training.maxSteps=1000000"];
const notice = (part: string) => (line: string) => line.includes('"code":"records.notice"') && line.includes(part);

// A limit of the size of files is a disk that is full, and it can be lifted while the process runs. Only Linux has `prlimit`.
(process.platform === "linux" ? test : test.skip)(
  "a disk that takes no more lines ends no run; once it does again, no step is missing in its records",
  async () => {
    const directory = project();
    const child = startCodex(directory, RUN, { limit: "ulimit -S -f 64" });
    const refused = JSON.parse(await child.line(notice("The run goes on")));
    expect(refused.message).toMatch(/metrics\.(ndjson|csv): .*EFBIG/);
    await child.line((line) => line.includes('"type":"step"') && JSON.parse(line).step === 200); // far beyond what fits
    execFileSync("prlimit", ["--pid", String(child.process.pid), "--fsize=unlimited"]);
    await child.line(notice("metrics.ndjson: the disk takes lines again; the records are complete"));
    await child.line(notice("metrics.csv: the disk takes lines again; the records are complete"));
    child.process.kill("SIGTERM");
    const { exitCode, out } = await child.finished;
    expect(exitCode).toBe(143);
    const told = out.split("\n").filter(notice("The run goes on"));
    expect(told.length).toBeLessThanOrEqual(2); // once a file
    const { step } = JSON.parse(out.trimEnd().split("\n").at(-1) as string) as { step: number };
    const losses = readFileSync(join(directory, "runs/run/metrics.ndjson"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { metric: string; split: string; step: number })
      .filter(({ metric, split }) => metric === "loss" && split === "train");
    expect(losses.map((record) => record.step)).toEqual(Array.from({ length: step }, (_, at) => at + 1));
    expect(await codex(directory, "runs", "validate", "run")).toMatchObject({ exitCode: 0 });
  },
);
