import type { ProtoMessage } from "../wire/proto-message.ts";

/** How many values lie where. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  /** Number of values. */
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Right edges of the buckets, ascending; the first bucket begins at `min`. */
  readonly bucketLimits: ArrayLike<number>;
  /** Values of each bucket, as many as limits. */
  readonly bucketCounts: ArrayLike<number>;
}

/** Counts finite values in buckets of equal width; the others are left out. @param buckets - default: 30, as TensorBoard shows them */
export function histogramOf(values: ArrayLike<number>, buckets = 30): Histogram {
  let [min, max, count, sum, sumOfSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    count += 1;
    sum += value;
    sumOfSquares += value * value;
  }
  if (count === 0) return { min: 0, max: 0, count, sum, sumOfSquares, bucketLimits: [], bucketCounts: [] };
  if (min === max) return { min, max, count, sum, sumOfSquares, bucketLimits: [max], bucketCounts: [count] };
  const width = (max - min) / buckets;
  const bucketCounts = new Float64Array(buckets);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    const bucket = Math.min(buckets - 1, Math.floor((value - min) / width));
    bucketCounts[bucket] = (bucketCounts[bucket] as number) + 1;
  }
  const bucketLimits = Float64Array.from({ length: buckets }, (_, i) =>
    i === buckets - 1 ? max : min + width * (i + 1),
  );
  return { min, max, count, sum, sumOfSquares, bucketLimits, bucketCounts };
}

/** `HistogramProto` */
export function histogramProto(proto: ProtoMessage, histogram: Histogram): void {
  const { min, max, count, sum, sumOfSquares, bucketLimits, bucketCounts } = histogram;
  proto.double(1, min).double(2, max).double(3, count).double(4, sum).double(5, sumOfSquares);
  proto.doubles(6, bucketLimits).doubles(7, bucketCounts);
}
