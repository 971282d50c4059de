/** @module Entries for the `metrics` of `@codex/registry`. */
import type { RegistryEntry } from "@codex/registry";
import Type from "typebox";
import type { Metric } from "./metric.ts";
import { createExactMatch, createF1, TextMetricOptions } from "./text-metrics.ts";
import { createBitsPerByte, createLoss, createPerplexity, createTokenAccuracy } from "./token-metrics.ts";

declare module "@codex/registry" {
  interface RegistryKinds {
    /** `Options` are what the entry's schema says; they were checked against it. */
    metrics: RegistryEntry<(options: never) => Metric>;
  }
}

const NoOptions = (description: string) => Type.Object({}, { additionalProperties: false, description });

export const loss = { create: createLoss, configSchema: NoOptions("Mean loss per target token, in nats.") };

export const perplexity = {
  create: createPerplexity,
  configSchema: NoOptions("exp of the mean loss per target token."),
};

export const bitsPerByte = {
  create: createBitsPerByte,
  configSchema: NoOptions("Loss in bits per byte of the text that the targets stand for."),
};

export const tokenAccuracy = {
  create: createTokenAccuracy,
  configSchema: NoOptions("Share of targets that the model found most likely."),
};

export const exactMatch = { create: createExactMatch, configSchema: TextMetricOptions };

export const f1 = { create: createF1, configSchema: TextMetricOptions };
