/**
 * Runs the engine's own suites on every instruction set of this processor but the best, on which `npm test` runs them.
 *
 *   node tools/test-instruction-sets.mjs [counts.json]
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enginePlace } from "./native/build.mjs";
import { childEnvironment, passThrough, repository, run, setup } from "./setup.mjs";

await run(async () => {
  await setup({ requiresNative: true });
  if (!existsSync(enginePlace())) return 0; // setup has said why
  const { instructionSets } = createRequire(import.meta.url)(enginePlace());
  const directory = mkdtempSync(join(tmpdir(), "codex-isa-"));
  const counts = { numPassedTests: 0, numFailedTests: 0 };
  let worst = 0;
  for (const isa of instructionSets().slice(0, -1)) {
    console.log(`--- ${isa}`);
    const results = join(directory, `${isa}.json`);
    const jest = join(repository, "node_modules", "jest", "bin", "jest.js");
    const code = await passThrough(
      process.execPath,
      [
        "--experimental-vm-modules",
        "--no-warnings",
        jest,
        "packages/engine",
        // The ways in which a process ends have nothing to do with it.
        "--testPathIgnorePatterns=lifecycle",
        "--json",
        `--outputFile=${results}`,
      ],
      { env: { ...childEnvironment(), CODEX_ENGINE_ISA: isa }, stdio: ["inherit", "ignore", "inherit"] },
    );
    worst = Math.max(worst, code);
    if (!existsSync(results)) continue; // Jest itself failed
    const found = JSON.parse(readFileSync(results, "utf8"));
    for (const name of Object.keys(counts)) counts[name] += found[name];
  }
  rmSync(directory, { recursive: true });
  if (process.argv[2] !== undefined) writeFileSync(process.argv[2], JSON.stringify(counts));
  return worst;
});
