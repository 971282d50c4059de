import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const repository = dirname(dirname(here));
const require = createRequire(import.meta.url);

/**
 * Bundles TensorFlow.js core's tests with the engine: its files import each other without extensions, which Node does not follow, and the engine
 * must see the same copy of core.
 */
export async function bundleTests(outfile) {
  const core = join(dirname(require.resolve("@tensorflow/tfjs-core/package.json")), "dist", "index.js");
  const binding = join(repository, "packages", "engine", "src", "binding.ts");
  const resolve = {
    name: "one copy of core, and jasmine-core for its test utilities",
    setup(context) {
      context.onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () => ({ path: core }));
      context.onResolve({ filter: /^jasmine-core\// }, ({ path }) => ({ path: require.resolve(path) }));
    },
  };
  await build({
    stdin: {
      contents: 'import "./entry.mjs"; import "@tensorflow/tfjs-core/dist/tests";',
      resolveDir: here,
    },
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    mainFields: ["module", "main"],
    conditions: ["@codex/source"],
    // The engine looks for its native library beside its own file.
    define: { "import.meta.url": JSON.stringify(pathToFileURL(binding).href) },
    // Core says that its test files have no side effects.
    ignoreAnnotations: true,
    logLevel: "error",
    plugins: [resolve],
  });
}
