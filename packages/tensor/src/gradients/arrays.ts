import {
  add,
  cast,
  concat,
  type GradConfig,
  gather,
  mul,
  pad,
  range,
  reshape,
  reverse,
  scalar,
  slice,
  split,
  stack,
  sum,
  type Tensor,
  type Tensor1D,
  transpose,
  unsortedSegmentSum,
  unstack,
  util,
} from "@tensorflow/tfjs-core";

/** Gradients of the kernels that move elements and compute nothing. */
export const arrayGradients: readonly GradConfig[] = [
  { kernelName: "Identity", gradFunc: (dy) => ({ x: () => dy as Tensor }) },
  { kernelName: "Cast", gradFunc: (dy) => ({ x: () => cast(dy as Tensor, "float32") }) },
  {
    kernelName: "Reshape",
    inputsToSave: ["x"],
    gradFunc: (dy, [x]) => ({ x: () => reshape(dy as Tensor, x!.shape) }),
  },
  {
    kernelName: "ExpandDims",
    inputsToSave: ["input"],
    gradFunc: (dy, [input]) => ({ input: () => reshape(dy as Tensor, input!.shape) }),
  },
  {
    kernelName: "Transpose",
    gradFunc: (dy, _saved, attributes) => {
      const perm = attributes["perm"] as number[];
      const inverse = perm.map((_, axis) => perm.indexOf(axis));
      return { x: () => transpose(dy as Tensor, inverse) };
    },
  },
  {
    kernelName: "Slice",
    inputsToSave: ["x"],
    gradFunc: (dy, [x], attributes) => {
      const begins = attributes["begin"] as number | number[];
      const paddings = x!.shape.map((size, axis): [number, number] => {
        const before = Array.isArray(begins) ? (begins[axis] ?? 0) : axis === 0 ? begins : 0;
        return [before, size - before - (dy as Tensor).shape[axis]!];
      });
      return { x: () => pad(dy as Tensor, paddings) };
    },
  },
  {
    kernelName: "PadV2",
    inputsToSave: ["x"],
    gradFunc: (dy, [x], attributes) => {
      const begins = (attributes["paddings"] as unknown as [number, number][]).map(([before]) => before);
      return { x: () => slice(dy as Tensor, begins, x!.shape) };
    },
  },
  {
    kernelName: "Concat",
    saveAllInputs: true,
    gradFunc: (dy, saved, attributes) => {
      const axis = axisOf(attributes["axis"], saved[0]!.shape);
      const parts = split(
        dy as Tensor,
        saved.map((x) => x.shape[axis]!),
        axis,
      );
      return Object.fromEntries(parts.map((part, i) => [i, () => part]));
    },
  },
  {
    kernelName: "SplitV",
    gradFunc: (dy, _saved, attributes) => ({ x: () => concat(dy as Tensor[], attributes["axis"] as number) }),
  },
  {
    kernelName: "Pack",
    saveAllInputs: true,
    gradFunc: (dy, _saved, attributes) => {
      const parts = unstack(dy as Tensor, attributes["axis"] as number);
      return Object.fromEntries(parts.map((part, i) => [i, () => part]));
    },
  },
  {
    kernelName: "Unpack",
    gradFunc: (dy, _saved, attributes) => ({ value: () => stack(dy as Tensor[], attributes["axis"] as number) }),
  },
  {
    kernelName: "Tile",
    inputsToSave: ["x"],
    gradFunc: (dy, [x], attributes) => {
      // [r0 n0, r1 n1] seen as [r0, n0, r1, n1]: the repetitions are the even axes.
      const reps = attributes["reps"] as number[];
      const split = x!.shape.flatMap((size, axis) => [reps[axis]!, size]);
      const repeated = x!.shape.map((_, axis) => 2 * axis);
      return { x: () => sum(reshape(dy as Tensor, split), repeated) };
    },
  },
  {
    kernelName: "Reverse",
    gradFunc: (dy, _saved, attributes) => ({ x: () => reverse(dy as Tensor, attributes["dims"] as number | number[]) }),
  },
  {
    kernelName: "GatherV2",
    inputsToSave: ["x", "indices"],
    gradFunc: (dy, saved, attributes) => {
      const [x, indices] = saved as [Tensor, Tensor];
      const axis = axisOf(attributes["axis"], x.shape);
      const batchDims = (attributes["batchDims"] as number | undefined) ?? 0;
      return { x: () => gatherGradient(dy as Tensor, x.shape, indices, axis, batchDims) };
    },
  },
  {
    kernelName: "UnsortedSegmentSum",
    inputsToSave: ["segmentIds"],
    gradFunc: (dy, [segmentIds]) => ({ x: () => gather(dy as Tensor, segmentIds! as Tensor1D) }),
  },
];

function axisOf(axis: unknown, shape: number[]): number {
  return util.parseAxisParam((axis as number | undefined) ?? 0, shape)[0]!;
}

/**
 * Every slice of dy is added to the one that it came from. Batch dimensions B are folded into the indices: row `i` of batch `b` is
 * row `b n + i` of all. O outer dimensions between them and the gathered axis of length n, I inner ones behind it.
 */
function gatherGradient(dy: Tensor, shape: number[], indices: Tensor, axis: number, batchDims: number): Tensor {
  const batch = util.sizeFromShape(shape.slice(0, batchDims));
  const outer = util.sizeFromShape(shape.slice(batchDims, axis));
  const inner = util.sizeFromShape(shape.slice(axis + 1));
  const length = shape[axis]!;
  const picked = indices.size / batch;
  const offsets = reshape(mul(range(0, batch, 1, "int32"), scalar(length, "int32")), [batch, 1]);
  const rows = reshape(add(reshape(indices, [batch, picked]), offsets), [-1]) as Tensor1D;
  const values = transpose(reshape(dy, [batch, outer, picked, inner]), [0, 2, 1, 3]); // [B, picked, O, I]
  const sums = unsortedSegmentSum(reshape(values, [batch * picked, outer * inner]), rows, batch * length);
  return reshape(transpose(reshape(sums, [batch, length, outer, inner]), [0, 2, 1, 3]), shape);
}
