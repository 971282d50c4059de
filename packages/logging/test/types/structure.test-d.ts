/** What other packages ask for by shape, this package satisfies; and its records are those that metrics reads. */
import type { MetricLog, MetricRecord } from "@codex/logging";
import type { MetricRecord as StoredRecord } from "@codex/metrics";
import type { MetricSink } from "@codex/training";
import { expectTypeOf } from "expect-type";

expectTypeOf<MetricLog>().toExtend<MetricSink>();
expectTypeOf<MetricRecord>().toExtend<Readonly<StoredRecord>>();
expectTypeOf<StoredRecord>().toExtend<MetricRecord>();
