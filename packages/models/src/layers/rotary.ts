import * as tf from "@tensorflow/tfjs-core";
import Type from "typebox";
import { ModelError } from "../errors.ts";

/** Rotary position embedding, in the words of Hugging Face's `rope_parameters`. */
export const RopeParameters = Type.Object(
  {
    ropeType: Type.Enum(["default", "linear", "llama3"], {
      default: "default",
      description: "How the frequencies are stretched for a longer context.",
    }),
    ropeTheta: Type.Number({ exclusiveMinimum: 0, default: 10000, description: "Base of the frequencies." }),
    factor: Type.Optional(Type.Number({ minimum: 1, description: "linear, llama3: stretch of the context." })),
    lowFreqFactor: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: "llama3: waves longer than original context / this are stretched.",
      }),
    ),
    highFreqFactor: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: "llama3: waves shorter than original context / this are kept." }),
    ),
    originalMaxPositionEmbeddings: Type.Optional(
      Type.Integer({ minimum: 1, description: "llama3: context before stretching, in tokens." }),
    ),
  },
  { additionalProperties: false, default: {}, description: "Rotary position embedding." },
);
export type RopeParameters = Type.Static<typeof RopeParameters>;

/** The parameters that a rope type needs besides `ropeTheta`. */
export const ROPE_TYPE_PARAMETERS = {
  default: [],
  linear: ["factor"],
  llama3: ["factor", "lowFreqFactor", "highFreqFactor", "originalMaxPositionEmbeddings"],
} as const satisfies Record<RopeParameters["ropeType"], readonly (keyof RopeParameters)[]>;

/** @throws {ModelError} `MODEL_CONFIG_INVALID` when a parameter is missing, does not belong to the type, or contradicts another. */
export function checkRopeParameters(rope: RopeParameters): void {
  const needed: readonly string[] = ROPE_TYPE_PARAMETERS[rope.ropeType];
  const invalid = (message: string) => new ModelError("MODEL_CONFIG_INVALID", `ropeParameters: ${message}`);
  for (const name of needed) {
    if (rope[name as keyof RopeParameters] === undefined)
      throw invalid(`ropeType "${rope.ropeType}" needs ${name}, got none`);
  }
  for (const name of Object.keys(rope)) {
    if (
      name !== "ropeType" &&
      name !== "ropeTheta" &&
      !needed.includes(name) &&
      rope[name as keyof RopeParameters] !== undefined
    ) {
      throw invalid(`ropeType "${rope.ropeType}" has no ${name}, got ${rope[name as keyof RopeParameters]}`);
    }
  }
  if (rope.ropeType === "llama3" && rope.highFreqFactor! <= rope.lowFreqFactor!) {
    throw invalid(`highFreqFactor must be above lowFreqFactor (${rope.lowFreqFactor}), got ${rope.highFreqFactor}`);
  }
}

/**
 * Angle per position of each of the headDim / 2 planes, in radians.
 * @see RoFormer (Su et al. 2021), eq. 15; `linear`: Chen et al. 2023; `llama3`: `_compute_llama3_parameters` of transformers' modeling_rope_utils.py
 */
export function rotaryFrequencies(headDim: number, rope: RopeParameters): Float32Array {
  const frequencies = new Float32Array(headDim / 2);
  for (let i = 0; i < frequencies.length; i++) frequencies[i] = rope.ropeTheta ** (-(2 * i) / headDim);
  if (rope.ropeType === "linear") return frequencies.map((frequency) => frequency / rope.factor!);
  if (rope.ropeType === "llama3") {
    const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = rope as Required<RopeParameters>;
    return frequencies.map((frequency) => {
      const turns = (originalMaxPositionEmbeddings * frequency) / (2 * Math.PI); // of this wave over the original context
      if (turns > highFreqFactor) return frequency;
      if (turns < lowFreqFactor) return frequency / factor;
      const smooth = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
      return ((1 - smooth) * frequency) / factor + smooth * frequency;
    });
  }
  return frequencies;
}

/**
 * Cosines and sines for `rotaryEmbedding`, both halves alike (rotate-half layout).
 * @param positions - float32 or int32 `[B, T]`
 * @returns each `[B, T, 2 * frequencies.length]`, float32; inside `tidy` the caller owns nothing
 */
export function rotaryAngles(
  positions: tf.Tensor2D,
  frequencies: Float32Array,
): { readonly cos: tf.Tensor3D; readonly sin: tf.Tensor3D } {
  const [batch, seq] = positions.shape;
  const angles = tf.mul(tf.reshape(tf.cast(positions, "float32"), [batch, seq, 1]), tf.tensor1d(frequencies));
  return {
    cos: tf.tile(tf.cos(angles), [1, 1, 2]) as tf.Tensor3D,
    sin: tf.tile(tf.sin(angles), [1, 1, 2]) as tf.Tensor3D,
  };
}
