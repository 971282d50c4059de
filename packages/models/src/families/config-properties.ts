/** Parts of a configuration that the families share. */
import Type from "typebox";
import { ModelError } from "../errors.ts";
import type { ModelConfig } from "../language-model.ts";

const tokenId = (description: string) => Type.Optional(Type.Integer({ minimum: 0, description }));

export const tokenIdProperties = {
  bosTokenId: tokenId("Id of the token that begins a text."),
  eosTokenId: Type.Optional(
    Type.Union([Type.Integer({ minimum: 0 }), Type.Array(Type.Integer({ minimum: 0 }))], {
      description: "Id of the token that ends a text, or several; generation stops there.",
    }),
  ),
  padTokenId: tokenId("Id of the token that fills a batch."),
};

/** A dropout rate. */
export function droppedShare(description: string) {
  return Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0, description });
}

/** The part of config.json that `tokenIdProperties` gives. Absent is null: transformers would put its own defaults in the place of a missing key. */
export function writeTokenIds(config: ModelConfig): Record<string, unknown> {
  return {
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: config.eosTokenId ?? null,
    pad_token_id: config.padTokenId ?? null,
  };
}

/** @throws {ModelError} `MODEL_CONFIG_INVALID` */
export function checkHeads(config: { readonly hiddenSize: number; readonly numAttentionHeads: number }): void {
  if (config.hiddenSize % config.numAttentionHeads !== 0) {
    throw new ModelError(
      "MODEL_CONFIG_INVALID",
      `hiddenSize: expected a multiple of numAttentionHeads (${config.numAttentionHeads}), got ${config.hiddenSize}`,
    );
  }
}
