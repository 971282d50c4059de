/** @module Session databases of others, snapshots and retention. Needs `better-sqlite3` and `kysely`. */
export type { EventTable } from "./sessions/foreign/detect-schema.ts";
export { ForeignDatabase, type OpenForeignOptions } from "./sessions/foreign/foreign-database.ts";
export { type PurgedSessions, type PurgeOptions, purgeSessions, RETENTION_DAYS } from "./sessions/purge.ts";
export { writeSessionSnapshot } from "./sessions/snapshot.ts";
