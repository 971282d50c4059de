import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { platformName } from "../../src/binding.ts";

const child = fileURLToPath(new URL("garbage-child.mjs", import.meta.url));
const addon = fileURLToPath(new URL(`../../native/codex-engine.${platformName()}.node`, import.meta.url));

/** Of forty operations each. `CODEX_FUZZ_ROUNDS=5000` looks longer. */
const ROUNDS = Number(process.env["CODEX_FUZZ_ROUNDS"] ?? 150);

test.each([1, 2, 3])("garbage throws or rejects, and the engine computes on (seed %i)", async (seed) => {
  const { stdout } = await promisify(execFile)(process.execPath, [child, addon, `${seed}`, `${ROUNDS}`]);
  const { operations, thrown, rejected, failed } = JSON.parse(stdout) as Record<string, number>;
  expect(operations).toBe(40 * ROUNDS);
  // Most of it makes no sense, and each of these ways out must have been taken.
  for (const count of [thrown, rejected, failed]) expect(count).toBeGreaterThan(ROUNDS / 10);
});
