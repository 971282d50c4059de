/** `npm run packages:lint`: publint and are-the-types-wrong on the tarball of every package. */
import { execFileSync } from "node:child_process";
import { childEnvironment, repository, run, setup } from "../setup.mjs";
import { pack } from "./pack.mjs";

await run(async () => {
  await setup();
  const { packages, platforms } = await pack();
  const all = [...packages, ...platforms];
  let failures = 0;
  for (const { name, tarball, manifest } of all) {
    const checks = [["publint", ["run", tarball, "--strict"]]];
    // A package that only brings commands has no types to be wrong.
    if (Object.keys(manifest.exports ?? {}).some((subpath) => subpath !== "./package.json"))
      checks.push(["attw", [tarball, "--profile", "esm-only", "--no-color"]]);
    for (const [command, args] of checks) {
      try {
        execFileSync(command, args, { cwd: repository, env: childEnvironment(), encoding: "utf8", stdio: "pipe" });
      } catch (error) {
        failures += 1;
        console.error(`${name}: ${command} found\n${error.stdout ?? ""}${error.stderr ?? ""}`);
      }
    }
  }
  console.log(`${all.length} packages, ${failures} findings`);
  return failures > 0 ? 1 : 0;
});
