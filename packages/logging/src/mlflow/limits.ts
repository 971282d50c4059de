/** What MLflow takes: names, lengths and sizes (`mlflow/utils/validation.py` of 3.17). */
import { posix } from "node:path";

export interface Metric {
  readonly key: string;
  readonly value: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly step: number;
}

/** A parameter or a tag. */
export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export interface Batch {
  readonly metrics: readonly Metric[];
  readonly params: readonly KeyValue[];
  readonly tags: readonly KeyValue[];
}

const METRICS_PER_BATCH = 1000;
/** Of parameters, and of tags. */
const VALUES_PER_BATCH = 100;
const BYTES_PER_BATCH = 900_000; // of 1,000,000, envelope included
const KEY_LENGTH = 250;
export const PARAM_LENGTH = 6000;
export const TAG_LENGTH = 8000;

/** A name that MLflow takes: other characters become `_`, and it is no path that leads elsewhere. */
export function mlflowName(name: string): string {
  const plain = name.replace(/[^\p{L}\p{N}_/. :-]/gu, "_").slice(0, KEY_LENGTH);
  return posix.normalize(plain) === plain && !/^(\.|\/|$)|\/$/.test(plain) ? plain : plain.replace(/[/.]/g, "_") || "_";
}

export function keyValues(values: Readonly<Record<string, string | number | boolean>>, length: number): KeyValue[] {
  const named = new Map(
    Object.entries(values).map(([key, value]) => [mlflowName(key), shortened(String(value), length)]),
  );
  return [...named].map(([key, value]) => ({ key, value }));
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3).replace(/[\uD800-\uDBFF]$/, "")}...`;
}

export function* metricBatches(metrics: readonly Metric[]): Generator<Batch> {
  for (const piece of pieces(metrics, METRICS_PER_BATCH)) yield { metrics: piece, params: [], tags: [] };
}

export function* paramBatches(params: readonly KeyValue[]): Generator<Batch> {
  for (const piece of pieces(params, VALUES_PER_BATCH)) yield { metrics: [], params: piece, tags: [] };
}

function* pieces<T>(items: readonly T[], count: number): Generator<T[]> {
  let piece: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (piece.length === count || (piece.length > 0 && bytes + size > BYTES_PER_BATCH)) {
      yield piece;
      [piece, bytes] = [[], 0];
    }
    piece.push(item);
    bytes += size;
  }
  if (piece.length > 0) yield piece;
}
