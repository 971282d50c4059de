/** @module The run index: many runs in one SQLite database. Needs `better-sqlite3` and `kysely`. */
export { assertSafeSqlite } from "./sqlite/open-database.ts";
export {
  type ListRunsOptions,
  openRunIndex,
  type RunIndex,
  rebuildRunIndex,
  type SkippedRun,
  updateRunIndex,
} from "./sqlite/run-index.ts";
