/** Runs a case on the engine, once per instruction set and number of threads, and on TensorFlow.js' JavaScript CPU backend. */

import { EngineBackend } from "@codex/engine";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { getKernel, type KernelBackend, type TensorInfo } from "@tensorflow/tfjs-core";
import { loadBinding } from "../../src/binding.ts";
import { absolute, type FuzzCase, type FuzzTensor, type Tolerance, type Values } from "./cases.ts";
import type { FusedCase, InPlace, Inputs } from "./fused-case.ts";

/** Thread counts that must give the same bits. */
const THREADS = [1, 2, 3];

export interface Configuration {
  readonly isa: string;
  readonly threads: number;
  readonly backend: EngineBackend;
}

/** An engine per instruction set of this processor and number of threads. `CODEX_ENGINE_ISA` leaves one set. */
export function configurations(): Configuration[] {
  const forced = process.env["CODEX_ENGINE_ISA"];
  const sets = loadBinding()
    .instructionSets()
    .filter((isa) => isa !== "avx512bf16" && (!forced || isa === forced));
  const mover = {
    moveData: () => {
      throw new Error("a fuzz case gave an engine data of another");
    },
  };
  return sets.flatMap((isa) =>
    THREADS.map((threads) => ({ isa, threads, backend: new EngineBackend(mover, { isa, threads }) })),
  );
}

/** @throws with the case in the message, if an engine gives other values than the CPU backend, or other bits with other threads */
export function checkCase(fuzzCase: FuzzCase, engines: readonly Configuration[]): void {
  const { kernel, tolerance = {} } = fuzzCase;
  const expected = runOnCpu(fuzzCase);
  const magnitudes = tolerance.magnitude === undefined ? undefined : runOnCpu(withoutSigns(fuzzCase));
  let first: FuzzTensor[] = [];
  for (const { isa, threads, backend } of engines) {
    const results = runOn(fuzzCase, "engine", backend);
    const place = `${kernel} on ${isa} with ${threads} threads`;
    if (threads === THREADS[0]) {
      first = results;
      compare(place, fuzzCase, results, expected, magnitudes, tolerance);
    } else {
      for (const [i, result] of results.entries()) compareBits(place, describe(fuzzCase), result, first[i]!);
    }
  }
}

/** @throws with the case in the message, if an engine is further off than the case allows, or gives other bits with other threads */
export function checkFusedCase(name: string, fusedCase: FusedCase, engines: readonly Configuration[]): void {
  const description = JSON.stringify(fusedCase.description);
  let first: readonly FuzzTensor[] = [];
  for (const { isa, threads, backend } of engines) {
    const place = `${name} on ${isa} with ${threads} threads`;
    const results = fusedCase.run((kernel, inputs, attributes, inPlace) =>
      runOn({ kernel, inputs, attributes }, "engine", backend, inPlace),
    );
    if (threads === THREADS[0]) {
      first = results;
      compareFused(place, description, results, fusedCase);
    } else {
      for (const [i, result] of results.entries()) compareBits(place, description, result, first[i]!);
    }
  }
}

function compareFused(
  place: string,
  description: string,
  results: readonly FuzzTensor[],
  { expected, tolerance }: FusedCase,
): void {
  if (results.length !== expected.length) {
    throw new Error(`${place}: ${results.length} outputs for ${expected.length}; ${description}`);
  }
  for (const [output, { shape, values, magnitude = 0 }] of expected.entries()) {
    const result = results[output]!;
    if (`${result.shape}` !== `${shape}`) {
      throw new Error(`${place}: [${result.shape}] for [${shape}] of output ${output}; ${description}`);
    }
    const wanted = Array.from(values);
    const bound = tolerance * wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), magnitude);
    for (const [i, want] of wanted.entries()) {
      if (Math.abs(result.values[i]! - want) <= bound) continue;
      throw new Error(`${place}: ${result.values[i]} for ${want} at ${i} of output ${output}; ${description}`);
    }
  }
}

function runOnCpu(fuzzCase: FuzzCase): FuzzTensor[] {
  const backend = new MathBackendCPU();
  (backend as unknown as { firstUse: boolean }).firstUse = false;
  return runOn(fuzzCase, "cpu", backend);
}

function runOn(
  { kernel, inputs, attributes }: { kernel: string; inputs: Inputs; attributes?: object },
  name: string,
  backend: KernelBackend,
  inPlace?: InPlace,
): FuzzTensor[] {
  const made: TensorInfo[] = [];
  const toInfo = ({ values, shape, dtype }: FuzzTensor): TensorInfo => {
    const info = { dataId: backend.write(values.slice(), shape, dtype), shape, dtype };
    made.push(info);
    return info;
  };
  const given = Array.isArray(inputs)
    ? inputs.map(toInfo)
    : Object.fromEntries(
        Object.entries(inputs).map(([key, tensor]) => [key, "dtype" in tensor ? toInfo(tensor) : tensor.map(toInfo)]),
      );
  const updated = inPlace?.updated.flatMap((key) => (given as Record<string, TensorInfo[]>)[key]!) ?? [];
  const before = updated.map(({ dataId }) => Array.from(backend.readSync(dataId) as Values));
  if (inPlace?.shared) backend.incRef(updated[0]!.dataId);
  const results = getKernel(kernel, name).kernelFunc({ inputs: given as never, attrs: attributes as never, backend });
  const isUpdated = inPlace !== undefined && [results].flat().length === 0;
  if (inPlace?.shared) {
    if (isUpdated) throw new Error(`${kernel}: what another tensor holds was updated in place`);
    backend.disposeData(updated[0]!.dataId);
    const kept = Array.from(backend.readSync(updated[0]!.dataId) as Values);
    if (`${kept}` !== `${before[0]}`) throw new Error(`${kernel}: changed what another tensor holds`);
  }
  const outputs = (isUpdated ? updated : [results].flat()).map(({ dataId, shape, dtype }) => ({
    shape,
    dtype: dtype as FuzzTensor["dtype"],
    values: (backend.readSync(dataId) as Values).slice(),
  }));
  for (const { dataId } of [...made, ...[results].flat()]) backend.disposeData(dataId);
  return outputs;
}

function withoutSigns(fuzzCase: FuzzCase): FuzzCase {
  const { inputs } = fuzzCase;
  if (Array.isArray(inputs)) return { ...fuzzCase, inputs: inputs.map(absolute) };
  return { ...fuzzCase, inputs: Object.fromEntries(Object.entries(inputs).map(([key, x]) => [key, absolute(x)])) };
}

function compare(
  place: string,
  fuzzCase: FuzzCase,
  results: readonly FuzzTensor[],
  expected: readonly FuzzTensor[],
  magnitudes: readonly FuzzTensor[] | undefined,
  { relative = 0, absolute = 0, magnitude = 0 }: Tolerance,
): void {
  if (results.length !== expected.length) {
    throw new Error(`${place}: ${results.length} outputs for ${expected.length}; ${describe(fuzzCase)}`);
  }
  for (const [output, result] of results.entries()) {
    const wanted = expected[output]!;
    if (result.dtype !== wanted.dtype || `${result.shape}` !== `${wanted.shape}`) {
      throw new Error(
        `${place}: ${result.dtype} [${result.shape}] for ${wanted.dtype} [${wanted.shape}]; ${describe(fuzzCase)}`,
      );
    }
    for (let i = 0; i < wanted.values.length; i++) {
      const [got, want] = [result.values[i]!, wanted.values[i]!];
      if (got === want || (Number.isNaN(got) && Number.isNaN(want))) continue;
      const bound =
        relative * Math.abs(want) + absolute + (magnitude > 0 ? magnitude * magnitudes![output]!.values[i]! : 0);
      if (!(Math.abs(got - want) <= bound)) {
        throw new Error(`${place}: ${got} for ${want} at ${i} of output ${output}; ${describe(fuzzCase)}`);
      }
    }
  }
}

function compareBits(place: string, description: string, result: FuzzTensor, first: FuzzTensor): void {
  const bytes = ({ values }: FuzzTensor) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  if (!bytes(result).equals(bytes(first))) {
    throw new Error(`${place}: other bits than with one thread; ${description}`);
  }
}

function describe({ inputs, attributes }: FuzzCase): string {
  const tensors = Object.entries(inputs).map(([key, { dtype, shape, values }]) => {
    const shown = values.length <= 24 ? ` = ${[...values].map((value) => (Object.is(value, -0) ? "-0" : value))}` : "";
    return `${key} ${dtype} [${shape}]${shown}`;
  });
  return `${tensors.join(", ")}, ${JSON.stringify(attributes)}`;
}
