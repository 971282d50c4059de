import type { RegistryKinds } from "@codex/registry";
import type {} from "@codex/training/registry"; // declares the kind

export const flat: RegistryKinds["schedulers"] = {
  create:
    ({ learningRate }: { learningRate: number }) =>
    () =>
      learningRate,
  configSchema: {
    type: "object",
    properties: { learningRate: { type: "number", exclusiveMinimum: 0, default: 1e-3, description: "Learning rate of every step." } },
    additionalProperties: false,
  },
};
