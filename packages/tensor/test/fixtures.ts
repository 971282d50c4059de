import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs-core";

/** A tensor of `tools/parity/tensor/make_fixtures.py`. */
export interface Packed {
  readonly shape: number[];
  readonly dtype: "float32" | "int32";
  readonly values: number[];
}

export function readCases<Cases>(name: string): Cases {
  const text = readFileSync(new URL(`./golden/${name}`, import.meta.url), "utf8");
  return (JSON.parse(text) as { cases: Cases }).cases;
}

export function unpack({ values, shape, dtype }: Packed): tf.Tensor {
  return tf.tensor(values, shape, dtype);
}

/** |actual - expected| <= tolerance * (1 + |expected|), element by element. */
export function expectClose(actual: tf.Tensor, expected: Packed | tf.Tensor, tolerance: number): void {
  const values = "values" in expected ? expected.values : Array.from(expected.dataSync());
  expect(actual.shape).toEqual(expected.shape);
  const wrong = Array.from(actual.dataSync()).flatMap((value, i) =>
    Math.abs(value - values[i]!) <= tolerance * (1 + Math.abs(values[i]!)) ? [] : [{ i, value, expected: values[i] }],
  );
  expect(wrong).toEqual([]);
}
