/**
 * Parses the lines of `metrics.ndjson` and `system.ndjson` into series.
 *
 * A run of 100,000 steps has a hundred megabytes of them, nearly all of the same form: the key order of our writer, the same run id, series that
 * follow each other in the same order at every step. Such a line is read by comparing it with what is expected; only step, time and value are
 * parsed. Any other line goes through JSON.parse, which is also where a series is met for the first time.
 */
import type { LineSink } from "./line-file.ts";
import { Series } from "./series.ts";

/** How the part of a line between the step and the value, and the part behind the value, read for one series. */
interface Form {
  readonly series: Series;
  readonly before: string;
  readonly after: string;
  next: Form | undefined;
}

const TIMESTAMP_LENGTH = 24; // 2026-11-21T18:28:19.309Z
const MINUTE_LENGTH = 17; // 2026-11-21T18:28:
const LINE_FEED = 10;

export class MetricLines implements LineSink {
  readonly series = new Map<string, Series>();
  points = 0;
  badLines = 0;
  firstBadLine = 0;
  /** Milliseconds since 1970 of the last record. */
  lastTime = Number.NaN;

  #head = "";
  #forms = new Map<string, Form>();
  #last: Form | undefined;
  #minute = "";
  #minuteMs = 0;

  restart(): void {
    this.series.clear();
    this.#forms.clear();
    this.#last = undefined;
    this.#head = "";
    this.points = 0;
    this.badLines = 0;
    this.firstBadLine = 0;
    this.lastTime = Number.NaN;
  }

  lines(bytes: Buffer, firstLine: number): number {
    // One character a byte, so that offsets in both agree; what is not ASCII is only ever compared, or parsed from the bytes.
    const text = bytes.toString("latin1");
    let count = 0;
    for (let start = 0; start < text.length; ) {
      const quick = this.#quick(text, start);
      if (quick > 0) start = quick;
      else {
        const end = text.indexOf("\n", start);
        this.#slow(bytes.subarray(start, end), firstLine + count);
        start = end + 1;
      }
      count++;
    }
    return count;
  }

  /** @returns where the next line starts; 0 when this one has another form */
  #quick(text: string, start: number): number {
    const last = this.#last;
    if (last === undefined || !text.startsWith(this.#head, start)) return 0;
    let at = start + this.#head.length;
    const time = this.#time(text, at);
    at += TIMESTAMP_LENGTH;
    if (Number.isNaN(time) || !text.startsWith('","step":', at)) return 0;
    at += 9;
    let step = 0;
    const firstDigit = at;
    for (let digit = text.charCodeAt(at) - 48; digit >= 0 && digit <= 9; digit = text.charCodeAt(at) - 48) {
      step = step * 10 + digit;
      at++;
    }
    if (at === firstDigit || at - firstDigit > 15) return 0;
    let form = last.next;
    if (form === undefined || !text.startsWith(form.before, at)) {
      const valueAt = text.indexOf(',"value":', at);
      form = valueAt < 0 ? undefined : this.#forms.get(text.slice(at, valueAt + 9));
      if (form === undefined) return 0;
      last.next = form;
    }
    at += form.before.length;
    const end = text.indexOf(",", at);
    if (end < 0 || !text.startsWith(form.after, end)) return 0;
    const value = Number(text.slice(at, end));
    const next = end + form.after.length;
    // NaN: not a number after all, which is for JSON.parse to say.
    if (!Number.isFinite(value) || end === at || text.charCodeAt(next - 1) !== LINE_FEED) return 0;
    form.series.push(step, time, value);
    this.points++;
    this.lastTime = time;
    this.#last = form;
    return next;
  }

  #time(text: string, at: number): number {
    if (!text.startsWith(this.#minute, at) || this.#minute === "") {
      const minute = text.slice(at, at + MINUTE_LENGTH);
      const parsed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:$/.test(minute) ? Date.parse(`${minute}00.000Z`) : Number.NaN;
      if (Number.isNaN(parsed)) return Number.NaN;
      this.#minute = minute;
      this.#minuteMs = parsed;
    }
    const digit = (offset: number): number => text.charCodeAt(at + offset) - 48;
    const ms = digit(17) * 10_000 + digit(18) * 1000 + digit(20) * 100 + digit(21) * 10 + digit(22) + this.#minuteMs;
    return text.charCodeAt(at + 19) === 46 && text.charCodeAt(at + 23) === 90 ? ms : Number.NaN;
  }

  #slow(line: Buffer, number: number): void {
    const record = parseMetricLine(line.toString("utf8"));
    if (record === undefined) {
      if (line.length === 0) return;
      this.badLines++;
      if (this.firstBadLine === 0) this.firstBadLine = number;
      return;
    }
    const { split, metric, dataset, step, time, value } = record;
    const key = JSON.stringify([split, metric, dataset]);
    let series = this.series.get(key);
    if (series === undefined) {
      series = new Series(split, metric, dataset);
      this.series.set(key, series);
    }
    series.push(step, time, value);
    this.points++;
    this.lastTime = time;
    this.#learn(line.toString("latin1"), series);
  }

  #learn(text: string, series: Series): void {
    const [, head, before, after] =
      /^(\{"schema_version":1,"run_id":"[^"\\]*","timestamp":")[^"]{24}","step":\d+(,"split":"[^"\\]*","metric":"[^"\\]*","value":)[-+.eE\d]+(,"dataset":.*)$/.exec(
        text,
      ) ?? [];
    if (head === undefined || before === undefined || after === undefined) return;
    if (head !== this.#head) {
      this.#head = head;
      this.#forms.clear();
      this.#last = undefined;
    }
    const form: Form = { series, before, after: `${after}\n`, next: undefined };
    if (this.#last !== undefined) this.#last.next = form;
    this.#forms.set(before, form);
    this.#last = form;
  }
}

export interface ParsedMetric {
  readonly split: string;
  readonly metric: string;
  readonly dataset: string | null;
  /** NaN for none. */
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly value: number;
}

/** @returns undefined for what is no record */
export function parseMetricLine(text: string): ParsedMetric | undefined {
  let record: Record<string, unknown> | null;
  try {
    record = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof record !== "object" || record === null || record["schema_version"] !== 1) return undefined;
  const { metric, split, step, value, timestamp, dataset } = record;
  const time = typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;
  if (typeof metric !== "string" || typeof value !== "number" || !Number.isFinite(value) || Number.isNaN(time)) {
    return undefined;
  }
  return {
    split: typeof split === "string" ? split : "",
    metric,
    dataset: typeof dataset === "string" ? dataset : null,
    step: typeof step === "number" && Number.isFinite(step) ? step : Number.NaN,
    time,
    value,
  };
}
