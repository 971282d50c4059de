import type { Migration, MigrationProvider } from "kysely";

/** The tables, as kysely sees them. All of it can be made again from the run directories. */
export interface IndexTables {
  runs: {
    run_id: string;
    directory: string;
    /** ISO 8601, UTC: sorts as text. */
    created_at: string;
    status: string;
    step: number | null;
    git_commit: string | null;
    /** JSON. */
    manifest: string;
    /** Sizes and times of the files that this was read from; empty if not known. */
    stamp: string;
  };
  run_metrics: {
    run_id: string;
    split: string;
    metric: string;
    /** Empty for none: a primary key holds no null. */
    dataset: string;
    step: number | null;
    value: number;
  };
}

/** Never changed once published; a change of the tables is a new entry. Names sort in order of application. */
const migrations: Record<string, Migration> = {
  "0001-runs": {
    async up(db) {
      await db.schema
        .createTable("runs")
        .addColumn("run_id", "text", (column) => column.primaryKey().notNull())
        .addColumn("directory", "text", (column) => column.notNull())
        .addColumn("created_at", "text", (column) => column.notNull())
        .addColumn("status", "text", (column) => column.notNull())
        .addColumn("step", "integer")
        .addColumn("git_commit", "text")
        .addColumn("manifest", "text", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("runs_by_time").on("runs").columns(["created_at", "run_id"]).execute();
      await db.schema
        .createTable("run_metrics")
        .addColumn("run_id", "text", (column) => column.notNull().references("runs.run_id").onDelete("cascade"))
        .addColumn("split", "text", (column) => column.notNull())
        .addColumn("metric", "text", (column) => column.notNull())
        .addColumn("dataset", "text", (column) => column.notNull())
        .addColumn("step", "integer")
        .addColumn("value", "real", (column) => column.notNull())
        .addPrimaryKeyConstraint("run_metrics_key", ["run_id", "split", "metric", "dataset"])
        .execute();
    },
  },
  "0002-stamps": {
    async up(db) {
      await db.schema
        .alterTable("runs")
        .addColumn("stamp", "text", (column) => column.notNull().defaultTo(""))
        .execute();
    },
  },
};

export const migrationProvider: MigrationProvider = { getMigrations: async () => migrations };
