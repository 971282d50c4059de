import { type DurableFs, SegmentedLines, type SegmentLine } from "@codex/storage";
import { PatientLines, type PatientLinesOptions } from "./patient-lines.ts";

/** How the line files of a run are written. */
export interface LineLogOptions {
  /**
   * Go on whatever the disk does: lines are taken at once, wait in memory while the disk refuses them, and no call fails for it. Default: a call resolves
   * when its line is written, and rejects when it cannot be.
   */
  readonly patience?: PatientLinesOptions;
  /** A log goes on in a new file (`metrics.1.ndjson`) before one is longer, or takes lines for longer. Default: one file. */
  readonly maxSegmentBytes?: number;
  readonly maxSegmentAgeMs?: number;
  readonly fs?: DurableFs;
}

/** A line file of a run: all its writers go through one of these. */
export interface LineLog {
  /** Whether there was no line when it was opened. */
  readonly empty: boolean;
  appendLine(text: string): Promise<void>;
  /** Cuts from the first line that the predicate holds for. Before the first `appendLine`. */
  truncateFrom(isFirstToDrop: (line: SegmentLine) => boolean): Promise<number>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens or creates a line file; a line that was not finished is cut. The caller closes it. */
export async function openLineLog(path: string, options: LineLogOptions = {}): Promise<LineLog> {
  const { patience, ...segments } = options;
  const lines = await SegmentedLines.open(path, segments);
  const { empty } = lines;
  if (patience === undefined) {
    return {
      empty,
      appendLine: (text) => lines.appendLine(text),
      truncateFrom: (isFirstToDrop) => lines.truncateFrom(isFirstToDrop),
      sync: () => lines.sync(),
      close: () => lines.close(),
    };
  }
  const patient = new PatientLines(lines, patience);
  return {
    empty,
    appendLine: async (text) => patient.appendLine(text),
    truncateFrom: (isFirstToDrop) => lines.truncateFrom(isFirstToDrop),
    sync: () => patient.sync(),
    close: () => patient.close(),
  };
}
