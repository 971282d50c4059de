import { createReadStream, existsSync, readFileSync } from "node:fs";
import { listSegments, readLines, readSegments, StorageError } from "@codex/storage";
import { CSV_HEADER, type MetricRecord, toCsvLine } from "../metric-record.ts";
import { runPaths } from "../run-directory.ts";
import { type SchemaName, schemaOf } from "./schemas.ts";
import { SeriesOrder } from "./series-order.ts";

/** One thing that is wrong in a run's records. */
export interface RecordProblem {
  readonly path: string;
  /** 1-based; absent for what is wrong with a whole file. */
  readonly line?: number;
  readonly message: string;
}

export interface RecordReport {
  /** Whole lines that were read, by file name. */
  readonly lines: Readonly<Record<string, number>>;
  /** In the order of the files and lines; no more than `maxProblems`. */
  readonly problems: readonly RecordProblem[];
  /** All there are, also those beyond `maxProblems`. */
  readonly problemCount: number;
}

export interface ValidateOptions {
  /** Problems that are told one by one. Default: 100. */
  readonly maxProblems?: number;
}

/**
 * Checks what a run wrote about itself: manifest, metrics, system metrics and events against the published schemas; that all is of this run, that each step
 * of a series is there once and in order, that `metrics.csv` holds what `metrics.ndjson` holds, and that no line is half-written. Reads each file
 * once, in memory that does not grow with it. Changes nothing.
 */
export async function validateRunRecords(runDirectory: string, options: ValidateOptions = {}): Promise<RecordReport> {
  const check = new RecordCheck(options.maxProblems ?? 100);
  const paths = runPaths(runDirectory);
  const runId = check.manifest(paths.manifest);
  await check.records(paths.metricsNdjson, "metric-record", runId, new SeriesOrder());
  await check.table(paths.metricsCsv, paths.metricsNdjson);
  await check.records(paths.system, "metric-record", runId);
  await check.records(paths.events, "event-record", runId);
  return check.report();
}

class RecordCheck {
  readonly #maxProblems: number;
  readonly #problems: RecordProblem[] = [];
  readonly #lines: Record<string, number> = {};
  #problemCount = 0;

  constructor(maxProblems: number) {
    this.#maxProblems = maxProblems;
  }

  report(): RecordReport {
    return { lines: this.#lines, problems: this.#problems, problemCount: this.#problemCount };
  }

  manifest(path: string): string | undefined {
    if (!existsSync(path)) {
      this.#tell({ path, message: "expected the manifest of a run, there is no such file" });
      return undefined;
    }
    const value = parse(readFileSync(path, "utf8"));
    if (value === undefined) this.#tell({ path, message: "expected JSON" });
    else for (const message of schemaOf("run-manifest").problemsOf(value)) this.#tell({ path, message });
    const runId = (value as { run_id?: unknown } | undefined)?.run_id;
    return typeof runId === "string" ? runId : undefined;
  }

  /** A file that is not there is none: a run may have ended before its first line. */
  async records(path: string, name: SchemaName, runId: string | undefined, order?: SeriesOrder): Promise<void> {
    const schema = schemaOf(name);
    for (const segment of await listSegments(path)) {
      let end = 0;
      try {
        for await (const line of readLines(segment)) {
          this.#count(segment);
          end = line.end;
          const tell = (message: string) => this.#tell({ path: segment, line: line.number, message });
          const value = parse(line.text);
          const problems = value === undefined ? ["expected JSON"] : schema.problemsOf(value);
          problems.forEach(tell);
          if (problems.length > 0) continue;
          const record = value as MetricRecord;
          if (runId !== undefined && record.run_id !== runId) {
            tell(`expected run_id ${JSON.stringify(runId)}, got ${JSON.stringify(record.run_id)}`);
          }
          const disorder = order?.next(record);
          if (disorder !== undefined) tell(disorder);
        }
        await this.#torn(segment, end);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        this.#tell({ path: segment, message: error.message });
      }
    }
  }

  /** Line by line beside the records that it was made of. */
  async table(path: string, source: string): Promise<void> {
    if (!existsSync(path)) return;
    const expected = csvLines(source);
    try {
      for await (const line of readSegments(path)) {
        this.#count(line.path);
        const { value: text, done } = await expected.next();
        if (done) {
          this.#tell({ path: line.path, line: line.number, message: `expected no more lines than ${source} has` });
          return;
        }
        if (text !== undefined && text !== line.text) {
          this.#tell({
            path: line.path,
            line: line.number,
            message: `expected ${text}, got ${line.text.slice(0, 200)}`,
          });
          return; // one line that is missing makes all that follow differ
        }
      }
      if (!(await expected.next()).done) this.#tell({ path, message: `expected as many lines as ${source} has` });
    } finally {
      await expected.return();
    }
  }

  #tell(problem: RecordProblem): void {
    this.#problemCount++;
    if (this.#problems.length < this.#maxProblems) this.#problems.push(problem);
  }

  #count(path: string): void {
    this.#lines[path] = (this.#lines[path] ?? 0) + 1;
  }

  /** Readers leave out a last line without its line feed; here it is told. */
  async #torn(path: string, end: number): Promise<void> {
    let bytes = 0;
    for await (const chunk of createReadStream(path, { start: end })) bytes += (chunk as Buffer).byteLength;
    if (bytes > 0)
      this.#tell({ path, message: `${bytes} bytes of a line that was not finished; resuming the run cuts them` });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The lines that the table of a file of records has; `undefined` where a line is no record, which is told elsewhere. */
async function* csvLines(source: string): AsyncGenerator<string | undefined, void, undefined> {
  yield CSV_HEADER;
  if (!existsSync(source)) return;
  for await (const line of readSegments(source)) {
    const value = parse(line.text);
    const whole = value !== undefined && schemaOf("metric-record").problemsOf(value).length === 0;
    yield whole ? toCsvLine(value as MetricRecord) : undefined;
  }
}
