/** Python packages for tests, out of the way of the machine's own: `pip install --target`. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository, SetupError } from "../setup.mjs";

/**
 * Installs packages, once for each list of them.
 * @param {string} name - of the folder
 * @param {readonly string[]} requirements - `name==version`
 * @returns the folder, and `python(script, ...args)`, which runs a script with them and gives what it printed as JSON
 */
export function pythonWith(name, requirements) {
  const folder = join(repository, "node_modules", ".cache", "python", name);
  const mark = join(folder, "installed.txt");
  const list = requirements.join("\n");
  if (!existsSync(mark) || readFileSync(mark, "utf8") !== list) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder, ...requirements];
    const { status, error } = spawnSync("python3", pip, { stdio: ["ignore", 2, 2], timeout: 240_000 });
    if (status !== 0)
      throw new SetupError(`pip install ${requirements.join(" ")}: ${error?.message ?? `exit code ${status}`}`);
    writeFileSync(mark, list);
  }
  const env = { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1" };
  return {
    folder,
    env,
    python(script, ...args) {
      const { status, stdout, stderr, error } = spawnSync("python3", [script, ...args], {
        env,
        encoding: "utf8",
        timeout: 120_000,
        maxBuffer: 256 * 1024 * 1024,
      });
      if (status !== 0) throw new Error(`${script} ${args.join(" ")}: ${error?.message ?? stderr}`);
      return JSON.parse(stdout);
    },
  };
}
