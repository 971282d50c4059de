/** @module The fault harness: what a disk may do to your files, as values in a test. Not for production code. */
export { type CrashState, type CrashStateOptions, crashStates } from "./testing/crash-states.ts";
export type { Effect, Outcome } from "./testing/effects.ts";
export { type Fault, type FsCall, interceptAppendFs, interceptFs } from "./testing/intercept-fs.ts";
export { errnoError, MemoryFs } from "./testing/memory-fs.ts";
export { type KilledRun, type KillRunOptions, runUntilKilled } from "./testing/run-until-killed.ts";
