/** Which of TensorFlow's two packages is taken, and what is said of it: with packages of our own, each in a process of its own, as one loads per process. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const core = createRequire(import.meta.url).resolve("@tensorflow/tfjs-core");
let projectDirectory: string;

async function install(name: string, source: string): Promise<void> {
  const folder = join(projectDirectory, "node_modules", name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name, type: "commonjs", exports: "./index.js" }));
  await writeFile(join(folder, "index.js"), source);
}

/** As tfjs-node does, with a backend that does nothing. */
const registers = (isUsingGpuDevice: boolean) => `
  const tf = require(${JSON.stringify(core)});
  tf.registerBackend("tensorflow", () => ({ isUsingGpuDevice: ${isUsingGpuDevice}, binding: { TF_Version: "2.21.0" }, dispose() {} }), 3);
  exports.version = { "tfjs-node": "4.22.0" };`;

beforeEach(async () => {
  projectDirectory = await mkdtemp(join(tmpdir(), "codex-tensorflow-"));
});

afterEach(() => rm(projectDirectory, { recursive: true }));

const typescript = fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url));
const packageDirectory = fileURLToPath(new URL("..", import.meta.url));

/** What a new process says of the device. */
async function probe(env: NodeJS.ProcessEnv = {}) {
  const source = `
    import { probeDevices } from "@codex/tensor";
    const reports = await probeDevices({ projectDirectory: ${JSON.stringify(projectDirectory)} });
    console.log(JSON.stringify(reports.find(({ device }) => device === "tensorflow")));`;
  const flags = ["--conditions=@codex/source", "--import", typescript, "--input-type=module", "--eval", source];
  const { stdout } = await promisify(execFile)(process.execPath, flags, {
    cwd: packageDirectory,
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout);
}

test.each([
  ["@tensorflow/tfjs-node", false, "@tensorflow/tfjs-node on the processor"],
  ["@tensorflow/tfjs-node-gpu", true, "@tensorflow/tfjs-node-gpu on a GPU"],
  ["@tensorflow/tfjs-node-gpu", false, "@tensorflow/tfjs-node-gpu on the processor: it finds no GPU that it can use"],
])("%s where TensorFlow sees a GPU (%s)", async (name, isUsingGpuDevice, reason) => {
  await install(name, registers(isUsingGpuDevice));
  expect(await probe()).toMatchObject({ found: true, reason, version: "4.22.0 (TensorFlow 2.21.0)" });
});

test("a GPU package that does not load is passed over for the other, and not in silence", async () => {
  await install("@tensorflow/tfjs-node-gpu", 'throw new Error("libcudart.so.12: cannot open shared object file")');
  await install("@tensorflow/tfjs-node", registers(false));
  expect(await probe()).toMatchObject({
    found: true,
    reason:
      "@tensorflow/tfjs-node on the processor; @tensorflow/tfjs-node-gpu is installed but does not load: libcudart.so.12: cannot open shared object file",
  });
});

test("only one thread on a processor repeats its bits", async () => {
  await install("@tensorflow/tfjs-node", registers(false));
  expect(await probe({ TF_NUM_INTRAOP_THREADS: "1" })).toMatchObject({ threads: 1, deterministic: true });
  expect(await probe({ TF_NUM_INTRAOP_THREADS: "3" })).toMatchObject({ threads: 3, deterministic: false });
});
