/** The recipe with an npm, a python3 and an npx of our own: what it asks of them, and what it says when one of them fails. */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type SetupTensorflowOptions, setupTensorflow } from "@codex/tensor/setup-tensorflow";

const { PATH: path, CODEX_PYTHON: python } = process.env;
const platform = process.platform;
const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];

let directory: string;
let bin: string;
let packageDirectory: string;

/** A shell script that stands on the PATH, and keeps a list of its calls. */
async function command(name: string, script: string): Promise<void> {
  const file = join(bin, name);
  await writeFile(file, `#!/bin/sh\necho "${name} $*" >> "${join(directory, "calls")}"\n${script}\n`);
  await chmod(file, 0o755);
}

const calls = async () => (await readFile(join(directory, "calls"), "utf8")).trim().split("\n");

/** The package as npm leaves it, with a library under it that answers as told. */
async function writePackage(folder: string, { product = "1,2,3,4", usesGpu = false, main = "" } = {}): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ main: "index.js" }));
  await writeFile(
    join(folder, "index.js"),
    `${main}
    module.exports = {
      tensor2d() {}, eye() {}, matMul: () => ({ dataSync: () => [${product}] }),
      backend: () => ({ binding: { TF_Version: "2.21.0" }, isUsingGpuDevice: ${usesGpu} }),
    };`,
  );
}

/** A `pip install --target` that unpacks a wheel of these files. */
const pipUnpacks = (files: readonly string[]) => `
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/tensorflow/include"
for file in ${files.join(" ")}; do touch "$2/tensorflow/$file"; done`;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "codex-setup-"));
  packageDirectory = join(directory, "node_modules", "@tensorflow", "tfjs-node");
  bin = join(directory, "bin");
  await mkdir(bin);
  await writeFile(join(directory, "package.json"), "{}");
  // The only commands that are found: a real npm or pip would go to the network.
  for (const tool of ["mkdir", "mv", "touch", "sleep"]) await symlink(join("/bin", tool), join(bin, tool));
  process.env["PATH"] = bin;
  delete process.env["CODEX_PYTHON"];
  await command("npm", "exit 1");
  await command("python3", pipUnpacks(LIBRARIES));
  await command("npx", "");
});

afterEach(async () => {
  process.env["PATH"] = path;
  if (python !== undefined) process.env["CODEX_PYTHON"] = python;
  Object.defineProperty(process, "platform", { value: platform });
  await rm(directory, { recursive: true });
});

const setup = (options: SetupTensorflowOptions = {}) => setupTensorflow({ directory, ...options });

/** The refusal's message and help. */
async function refusal(options?: SetupTensorflowOptions): Promise<{ message: string; help: string }> {
  const error: unknown = await setup(options).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "TensorError", code: "TENSOR_SETUP_FAILED" });
  return error as { message: string; help: string };
}

test("another system is told to use the package's own installer", async () => {
  Object.defineProperty(process, "platform", { value: "darwin" });
  const { message, help } = await refusal();
  expect(message).toBe("setting up TensorFlow: expected Linux, this is darwin");
  expect(help).toContain("npm install @tensorflow/tfjs-node");
});

// Elsewhere the function refuses before it starts anything; that refusal is the test above, which runs everywhere.
const onLinux = platform === "linux" ? describe : describe.skip;

onLinux("on Linux, the package still to be installed", () => {
  /** In a process of its own: Jest's resolver does not see what is installed while it runs. */
  async function setupInChild() {
    const register = fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url));
    const source = `
      import { setupTensorflow } from "@codex/tensor/setup-tensorflow";
      const said = [];
      const result = await setupTensorflow({ directory: ${JSON.stringify(directory)}, onProgress: (line) => said.push(line) });
      console.log(JSON.stringify({ result, said }));`;
    const flags = ["--conditions=@codex/source", "--import", register, "--input-type=module", "--eval", source];
    const cwd = fileURLToPath(new URL("..", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd, env: process.env }); // this one's PATH
    return JSON.parse(stdout);
  }
  const installs = 'mkdir -p node_modules/@tensorflow; mv packed "node_modules/@tensorflow/tfjs-node"';

  beforeEach(() => writePackage(join(directory, "packed")));

  test("installs without scripts, unpacks, links, compiles, loads, and says each", async () => {
    await command("npm", installs);
    const { result, said } = await setupInChild();
    expect(result).toEqual({
      packageName: "@tensorflow/tfjs-node",
      packageDirectory,
      tensorflowVersion: "2.21.0",
      usesGpu: false,
      summary: "@tensorflow/tfjs-node 4.22.0 runs on TensorFlow 2.21.0: on the processor",
    });
    expect(said.map((line: string) => line.split(" ")[0])).toEqual(["installing", "fetching", "compiling", "loading"]);
    const wheel = join(directory, "node_modules", ".cache", "tensorflow");
    expect(await calls()).toEqual([
      "npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0",
      `python3 -m pip install --quiet --no-deps --no-compile --target ${wheel} tensorflow-cpu==2.21.0`,
      "npx --no-install node-pre-gyp install --build-from-source",
    ]);
    const lib = join(packageDirectory, "deps", "lib");
    for (const library of LIBRARIES) {
      expect(join(lib, await readlink(join(lib, library)))).toBe(join(wheel, "tensorflow", library));
    }
    expect(await readlink(join(lib, "libtensorflow.so"))).toBe("libtensorflow_cc.so.2");
    expect(await readlink(join(lib, "libtensorflow_framework.so"))).toBe("libtensorflow_framework.so.2");
    const deps = dirname(lib);
    expect(join(deps, await readlink(join(deps, "include")))).toBe(join(wheel, "tensorflow", "include"));
  });

  test("with the lockfile of pnpm it is pnpm that installs", async () => {
    await writeFile(join(directory, "pnpm-lock.yaml"), "");
    await command("pnpm", installs);
    await setupInChild();
    expect((await calls())[0]).toBe("pnpm add --ignore-scripts @tensorflow/tfjs-node@4.22.0");
  });

  test("npm fails", async () => {
    await command("npm", "echo 'getaddrinfo ENOTFOUND' >&2; exit 7");
    const { message, help } = await refusal();
    expect(message).toBe("installing @tensorflow/tfjs-node: npm ended with exit code 7\ngetaddrinfo ENOTFOUND");
    expect(help).toContain("network");
  });

  test("npm says that all is well and has installed nothing", async () => {
    await command("npm", "");
    const { message, help } = await refusal();
    expect(message).toBe(`@tensorflow/tfjs-node was installed, but cannot be resolved from ${directory}`);
    expect(help).toBe("Is there a package.json in that folder?");
  });
});

onLinux("on Linux, the package installed", () => {
  beforeEach(() => writePackage(packageDirectory));

  test("a second time nothing is fetched that is there; another wheel is", async () => {
    await setup();
    await setup();
    await setup({ wheel: "tensorflow-cpu==2.20.0" });
    expect((await calls()).map((call) => call.replace(/ .* /, " "))).toEqual([
      "python3 tensorflow-cpu==2.21.0",
      "npx --build-from-source",
      "npx --build-from-source",
      "python3 tensorflow-cpu==2.20.0",
      "npx --build-from-source",
    ]);
  });

  test.each([
    [false, "no usable GPU was found, so it computes on the processor"],
    [true, "on the GPU"],
  ])("the GPU package says where it computes (a GPU is there: %s)", async (usesGpu, place) => {
    await writePackage(`${packageDirectory}-gpu`, { usesGpu });
    const result = await setup({ gpu: true });
    expect(result).toMatchObject({ packageName: "@tensorflow/tfjs-node-gpu", usesGpu });
    expect(result.summary).toBe(`@tensorflow/tfjs-node-gpu 4.22.0 runs on TensorFlow 2.21.0: ${place}`);
    expect((await calls())[0]).toMatch(/ tensorflow==2\.21\.0$/);
  });

  test("there is no Python", async () => {
    await rm(join(bin, "python3"));
    const { message, help } = await refusal();
    expect(message).toBe("unpacking tensorflow-cpu==2.21.0: python3 ended with spawn python3 ENOENT\n");
    expect(help).toContain("set CODEX_PYTHON");
  });

  test("a Python without pip, named by CODEX_PYTHON, and one with pip after it", async () => {
    await command("python3.9", "echo 'No module named pip' >&2; exit 1");
    process.env["CODEX_PYTHON"] = "python3.9";
    expect((await refusal()).message).toBe(
      "unpacking tensorflow-cpu==2.21.0: python3.9 ended with exit code 1\nNo module named pip",
    );
    expect((await setup({ python: "python3" })).tensorflowVersion).toBe("2.21.0");
  });

  test.each([
    [["libtensorflow_cc.so.2"], "expected libtensorflow_framework.so.2, found libtensorflow_cc.so.2"],
    [["readme.txt"], "expected libtensorflow_cc.so.2, found no library"],
  ])("a wheel that holds %j", async (files, message) => {
    await command("python3", pipUnpacks(files));
    const error = await refusal();
    expect(error.message).toContain(message);
    expect(error.help).toBe("TensorFlow 2.21.0 for Linux is known to work.");
  });

  test("a binding that does not compile: the end of the compiler's output", async () => {
    await command("npx", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo line $i; done; exit 1");
    const { message, help } = await refusal();
    expect(message.split("\n")).toEqual([
      "compiling the binding: npx ended with exit code 1",
      ...Array.from({ length: 12 }, (_, i) => `line ${i + 2}`),
    ]);
    expect(help).toContain("C++17 compiler");
  });

  test("a package that computes wrongly", async () => {
    await writePackage(packageDirectory, { product: "1,2,3,5" });
    const { message } = await refusal();
    expect(message).toContain("loading @tensorflow/tfjs-node: ");
    expect(message).toContain("a matrix product gave 1,2,3,5");
  });

  test("a library that crashes takes only the probe with it, and the signal is named", async () => {
    await writePackage(packageDirectory, { main: "process.kill(process.pid, 'SIGSEGV');" });
    expect((await refusal()).message).toContain("ended with signal SIGSEGV");
  });

  test("an abort ends the command that runs", async () => {
    await command("npx", "exec sleep 60");
    const controller = new AbortController();
    const error = await refusal({
      signal: controller.signal,
      onProgress: (line) => void (line === "compiling the binding" && setTimeout(() => controller.abort(), 50)),
    });
    expect(error.message).toBe("compiling the binding: npx ended with The operation was aborted\n");
  });
});
