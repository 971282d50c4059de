import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runUntilKilled } from "@codex/storage/testing";

const ROUNDS = 500;
const child = [
  "--conditions=@codex/source",
  "--import",
  fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url)),
  fileURLToPath(new URL("./lock-race.child.ts", import.meta.url)),
];

test("two processes race for 500 locks, every other one left by a dead process: exactly one gets each", async () => {
  const base = mkdtempSync(join(tmpdir(), "codex-race-"));
  try {
    const dead = await runUntilKilled({ args: ["-e", 'require("fs").writeSync(1, process.pid + "\\n")'] });
    const stale = JSON.stringify({
      pid: Number(dead.lines[0]),
      host: hostname(),
      bootId: null,
      startTicks: null,
      token: "",
      acquiredAt: "",
    });
    for (let round = 0; round < ROUNDS; round++) {
      const directory = join(base, String(round).padStart(4, "0"));
      mkdirSync(directory);
      if (round % 2 === 1) writeFileSync(join(directory, ".lock-000004.json"), stale);
    }
    const [a, b] = await Promise.all([
      runUntilKilled({ args: [...child, base, "a", "b"] }),
      runUntilKilled({ args: [...child, base, "b", "a"] }),
    ]);
    expect([a!.stderr, b!.stderr, a!.exitCode, b!.exitCode]).toEqual(["", "", 0, 0]);
    expect([a!.lines.length, b!.lines.length]).toEqual([ROUNDS, ROUNDS]);
    const outcomes = a!.lines.map((line, i) => [line.includes("won"), b!.lines[i]!.includes("won")]);
    expect(outcomes.filter(([x, y]) => x === y)).toEqual([]);
    // A race that one side always wins proves little.
    expect(outcomes.filter(([x]) => x).length).toBeGreaterThan(ROUNDS / 100);
    expect(outcomes.filter(([, y]) => y).length).toBeGreaterThan(ROUNDS / 100);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}, 120_000);
