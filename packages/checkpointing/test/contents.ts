import type { CheckpointContents, HostTensor } from "@codex/checkpointing";

/** A small state that is a function of the step, so that a test can tell which step it got, and whether all of it. */
export function contentsOf(step: number): CheckpointContents<{ step: number; note: string }> {
  const values = (count: number, salt: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(step * 7 + salt + i));
  const weight: HostTensor = { dtype: "F32", shape: [3, 4], data: values(12, 1) };
  return {
    step,
    parameters: new Map([
      ["model.embed_tokens.weight", weight],
      ["model.norm.weight", { dtype: "F32", shape: [4], data: values(4, 2) }],
      ["lm_head.weight", weight], // tied
    ]),
    optimizer: new Map<string, HostTensor>([
      ["model.embed_tokens.weight.exp_avg", { dtype: "F32", shape: [3, 4], data: values(12, 3) }],
      ["step", { dtype: "I32", shape: [], data: Int32Array.of(step) }],
    ]),
    trainer: { step, note: `after step ${step}` },
    evaluation: { lossNats: lossOf(step) },
  };
}

/** Neither falling nor rising, so that the best step is rarely the last. */
export function lossOf(step: number): number {
  return 2 + ((step * 37) % 11) / 10;
}

/** The bytes of a state, for comparison. */
export function fingerprint({ step, parameters, optimizer, trainer, evaluation }: CheckpointContents): string {
  const tensors = (map: ReadonlyMap<string, HostTensor>) =>
    [...map]
      .map(([name, { dtype, shape, data }]) => [
        name,
        dtype,
        shape,
        Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex"),
      ])
      .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
  return JSON.stringify([step, tensors(parameters), tensors(optimizer), trainer, evaluation]);
}
