/** Runs the bundled tests with the settings of the environment, and says what came of them. usage: node run.mjs BUNDLE [FILTER] */
import Jasmine from "jasmine";
import { exclusions } from "./exclusions.mjs";

const SHOWN = 40;
const [bundle, filter] = process.argv.slice(2);

const started = Date.now();
let passed = 0;
const failed = [];
const runner = new Jasmine({ globals: true });
runner.exitOnCompletion = false;
runner.env.configure({
  random: false,
  ...(filter === undefined ? {} : { specFilter: (spec) => spec.getFullName().includes(filter) }),
});
runner.clearReporters();
runner.addReporter({
  specDone({ status, fullName, failedExpectations }) {
    if (status === "passed") passed += 1;
    else if (status === "failed") failed.push({ fullName, message: failedExpectations[0]?.message ?? "" });
  },
});
const print = console.log;
// Many tests warn and print on purpose.
for (const method of ["log", "warn", "info", "debug"]) console[method] = () => {};
const { overallStatus, incompleteReason } = await runner.execute([bundle]);

const isExcluded = ({ fullName }) => exclusions.some(({ test }) => fullName.startsWith(test));
const unexpected = failed.filter((failure) => !isExcluded(failure));
const stale = exclusions.filter(({ test }) => !failed.some(({ fullName }) => fullName.startsWith(test)));
for (const { fullName, message } of unexpected.slice(0, SHOWN)) {
  print(`FAILED ${fullName}\n       ${message.split("\n").slice(0, 3).join(" | ").slice(0, 300)}`);
}
if (unexpected.length > SHOWN) print(`... and ${unexpected.length - SHOWN} more`);
let isGood = passed > 0 && unexpected.length === 0;
if (filter === undefined) {
  for (const { test } of stale) print(`excluded, but does not fail: ${test}`);
  if (overallStatus === "incomplete") print(`incomplete: ${incompleteReason}`);
  isGood &&= stale.length === 0 && overallStatus !== "incomplete";
}
const seconds = ((Date.now() - started) / 1000).toFixed(0);
print(`${passed} passed, ${unexpected.length} failed, ${failed.length - unexpected.length} excluded, in ${seconds} s`);
process.exit(isGood ? 0 : 1);
