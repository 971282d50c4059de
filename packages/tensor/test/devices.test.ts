import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import util from "node:util";
import { probeDevices, selectDevice, TensorError } from "@codex/tensor";
import * as tf from "@tensorflow/tfjs-core";

/** A project that has one package installed, with this source. */
async function projectWith(name: string, type: "module" | "commonjs", source: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "codex-devices-"));
  directories.push(directory);
  const folder = join(directory, "node_modules", name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name, type, exports: "./index.js" }));
  await writeFile(join(folder, "index.js"), source);
  return directory;
}

/** An `@codex/engine` that does not start, with the error that the real one throws. */
function engineThatFails(code: string, message: string, help?: string): Promise<string> {
  const error = `Object.assign(new Error(${JSON.stringify(message)}), ${JSON.stringify({ code, help })})`;
  const source = `export const version = "0.3.0"; export const opSetVersion = 2; export const register = async () => { throw ${error}; };`;
  return projectWith("@codex/engine", "module", source);
}

const directories: string[] = [];
let bare: string;

beforeAll(async () => {
  bare = await engineThatFails("ENGINE_BINARY_ABSENT", "engine: no native library for plan9-vax", "Install Rust.");
});

afterAll(async () => {
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
});

test.each(["cpu", "wasm"] as const)("selecting %s makes it the current backend", async (name) => {
  const selection = await selectDevice(name, { projectDirectory: bare });
  expect(tf.getBackend()).toBe(name);
  expect(selection).toMatchObject({ device: name, backend: name, version: "4.22.0", threads: 1, deterministic: true });
  expect(selection.reason).toContain("asked for by name");
});

test("auto takes the first that loads and says why the others were passed over", async () => {
  const { device, reason } = await selectDevice("auto", { projectDirectory: bare });
  expect(device).toBe("wasm");
  expect(reason).toContain(
    "engine: @codex/engine is installed but does not load: engine: no native library for plan9-vax",
  );
  expect(reason).toContain("tensorflow: @tensorflow/tfjs-node-gpu and @tensorflow/tfjs-node are not installed");
});

test("a device that is absent is an error that names the fix, and nothing else is taken instead", async () => {
  await selectDevice("cpu");
  const error = await selectDevice("tensorflow", { projectDirectory: bare }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TensorError);
  expect(error).toMatchObject({
    code: "TENSOR_DEVICE_ABSENT",
    message: "device tensorflow: @tensorflow/tfjs-node-gpu and @tensorflow/tfjs-node are not installed",
    help: expect.stringContaining("codex doctor --setup-tensorflow"),
  });
  expect(tf.getBackend()).toBe("cpu");
});

test("a device that does not exist is an error that lists what there is", async () => {
  await expect(selectDevice("gpu" as never)).rejects.toThrow(
    "device: expected auto or one of engine, tensorflow, wasm, cpu, got gpu",
  );
});

test("probing reports every device and leaves the current one current", async () => {
  await selectDevice("cpu");
  const reports = await probeDevices({ projectDirectory: bare });
  expect(reports.map(({ device, found }) => [device, found])).toEqual([
    ["engine", false],
    ["tensorflow", false],
    ["wasm", true],
    ["cpu", true],
  ]);
  expect(reports[0]!.enable).toBe("Install Rust.");
  expect(tf.getBackend()).toBe("cpu");
});

test("a TensorFlow that is installed and does not load is reported with its reason", async () => {
  const source = 'throw new Error("libtensorflow.so.2: cannot open shared object file\\nmore");';
  const projectDirectory = await projectWith("@tensorflow/tfjs-node", "commonjs", source);
  const reports = await probeDevices({ projectDirectory });
  expect(reports[1]).toMatchObject({
    found: false,
    reason: "@tensorflow/tfjs-node is installed but does not load: libtensorflow.so.2: cannot open shared object file",
  });
});

test("what tfjs-node needs of Node's util is there, also where Node has removed it", async () => {
  const legacy = util as unknown as Record<string, unknown>;
  const [isNullOrUndefined, isArray] = [legacy["isNullOrUndefined"], legacy["isArray"]];
  delete legacy["isNullOrUndefined"];
  delete legacy["isArray"];
  const source = `const util = require("node:util");
    throw new Error([util.isNullOrUndefined(null), util.isNullOrUndefined(0), util.isArray([])].join());`;
  try {
    const projectDirectory = await projectWith("@tensorflow/tfjs-node", "commonjs", source);
    const reports = await probeDevices({ projectDirectory });
    expect(reports[1]!.reason).toBe("@tensorflow/tfjs-node is installed but does not load: true,false,true");
  } finally {
    Object.assign(legacy, { isNullOrUndefined, isArray });
  }
});

test("an engine of the same op set is taken first", async () => {
  const projectDirectory = await projectWith(
    "@codex/engine",
    "module",
    `export const version = "0.3.0";
     export const opSetVersion = 2;
     export const register = async () => ({ backend: "cpu", threads: 2, deterministic: true });`,
  );
  const selection = await selectDevice("auto", { projectDirectory });
  expect(selection).toMatchObject({ device: "engine", backend: "cpu", version: "0.3.0", threads: 2 });
  expect(selection.reason).toBe("native kernels: op set 2 (first that loads)");
});

test("an engine that is asked for by name and has no library is an error that says what to do", async () => {
  await expect(selectDevice("engine", { projectDirectory: bare })).rejects.toMatchObject({
    code: "TENSOR_DEVICE_ABSENT",
    message: expect.stringContaining("no native library for plan9-vax"),
    help: "Install Rust.",
  });
});

test("a setting that the engine cannot use is an error with a code of its own", async () => {
  const message = 'CODEX_NUM_THREADS: expected a number above 0, got "two"';
  const projectDirectory = await engineThatFails("ENGINE_SETTING_INVALID", message);
  await expect(selectDevice("engine", { projectDirectory })).rejects.toMatchObject({
    code: "TENSOR_DEVICE_SETTING_INVALID",
    message: `device engine: ${message}`,
  });
  expect((await selectDevice("auto", { projectDirectory })).reason).toContain(`engine: ${message}`);
});

test("an engine of another op set is an error that names both versions", async () => {
  const projectDirectory = await projectWith(
    "@codex/engine",
    "module",
    'export const version = "9.0.0"; export const opSetVersion = 7; export const register = async () => {};',
  );
  await expect(selectDevice("engine", { projectDirectory })).rejects.toMatchObject({
    code: "TENSOR_OP_SET_MISMATCH",
    message: "device engine: @codex/engine 9.0.0 implements op set 7, @codex/tensor needs 2",
  });
  expect((await selectDevice("auto", { projectDirectory })).device).toBe("wasm");
});
