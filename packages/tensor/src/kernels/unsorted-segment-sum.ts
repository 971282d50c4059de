import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { HostMemory } from "./host-memory.ts";

/**
 * Adds row `i` of x to row `segmentIds[i]` of the result, in the order of i. The wasm backend has no such kernel; the one of the cpu
 * backend makes a whole pass over x for every segment. A negative id is left out, as in TensorFlow.
 */
export function unsortedSegmentSum(
  memory: HostMemory,
  { x, segmentIds }: Readonly<Record<"x" | "segmentIds", TensorInfo>>,
  { numSegments }: { readonly numSegments: number },
): TensorInfo {
  const rowShape = x.shape.slice(1);
  const width = rowShape.reduce((product, length) => product * length, 1);
  const output = memory.allocate([numSegments, ...rowShape], "float32");
  const sums = memory.floats(output).fill(0);
  const rows = memory.floats(x);
  const ids = memory.ints(segmentIds);
  for (let i = 0; i < ids.length; i++) {
    const segment = ids[i]!;
    if (segment < 0 || segment >= numSegments) continue;
    for (let from = i * width, to = segment * width, end = from + width; from < end; from++, to++) {
      sums[to] = sums[to]! + rows[from]!;
    }
  }
  return output;
}
