/** What is bundled: the engine, TensorFlow.js core with everything that its tests expect to be there, and the tests. */
import { engineStats } from "@codex/engine";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util";

// Starts the engine, and throws if it does not start: TensorFlow.js would quietly test another backend.
engineStats();
// Before the tests are defined, which ask for it: they follow by an import of their own.
setTestEnvs([{ name: "engine", backendName: "engine", isDataSync: true }]);
