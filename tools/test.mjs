/** `npm test`: set up this clone, then run the whole suite. Arguments after `--` are passed to Jest. */
import { join } from "node:path";
import { installPacked } from "./packages/pack.mjs";
import { passThrough, repository, run, setup } from "./setup.mjs";

await run(async () => {
  await setup({ requiresNative: true });
  await installPacked();
  const jest = join(repository, "node_modules", "jest", "bin", "jest.js");
  const selection = process.argv.slice(2);
  // The floor is over all packages: a run of a few files does not measure it.
  const coverage = selection.some((argument) => !argument.startsWith("-")) ? [] : ["--coverage"];
  return await passThrough(process.execPath, [
    "--experimental-vm-modules",
    "--no-warnings",
    jest,
    ...coverage,
    ...selection,
  ]);
});
