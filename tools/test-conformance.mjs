/**
 * Runs TensorFlow.js core's own tests (`@tensorflow/tfjs-core/dist/tests`) on the engine, once for each instruction set of this processor. All must
 * pass, except those of `conformance/exclusions.mjs`, which must fail.
 * usage: node tools/test-conformance.mjs [FILTER]   only tests whose name contains FILTER
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { enginePlace } from "./native/build.mjs";
import { childEnvironment, passThrough, repository, run, setup } from "./setup.mjs";

await run(async () => {
  await setup({ requiresNative: true });
  if (!existsSync(enginePlace())) {
    console.log("there is no native engine here: its conformance is not tested");
    return 0;
  }
  const bundle = join(repository, ".cache", "conformance", "tests.cjs");
  // Installed by now.
  const { bundleTests } = await import("./conformance/bundle.mjs");
  await bundleTests(bundle);
  let worst = 0;
  const { instructionSets } = createRequire(import.meta.url)(enginePlace());
  for (const isa of instructionSets()) {
    console.log(`TensorFlow.js core's tests on the engine, ${isa}`);
    const runner = join(repository, "tools", "conformance", "run.mjs");
    const code = await passThrough(process.execPath, [runner, bundle, ...process.argv.slice(2)], {
      env: { ...childEnvironment(), CODEX_ENGINE_ISA: isa },
    });
    worst = Math.max(worst, code);
  }
  return worst;
});
