/** @module Offline runs of Weights & Biases: the tracker `wandb`. */
import type { RegistryEntry } from "@codex/registry";
import type { CreateTracker } from "./registry.ts";
import { readRunManifest } from "./run-manifest.ts";
import { type WandbOptions, WandbTracker } from "./wandb/wandb-tracker.ts";

/** Writes a run folder and asks no server; `wandb sync` uploads it. */
export const wandb = {
  async create(options: WandbOptions, context) {
    const { created_at: createdAt } = await readRunManifest(context.runDirectory);
    return new WandbTracker(options, context, new Date(createdAt));
  },
  configSchema: {
    type: "object",
    description: "A run folder of Weights & Biases, written offline.",
    properties: {
      directory: {
        type: "string",
        minLength: 1,
        description: "Folder that gets the run folder; `wandb` in the run directory if not set.",
      },
      project: {
        type: "string",
        minLength: 1,
        description: "Project that the run is uploaded to; WANDB_PROJECT, or codex, if not set.",
      },
      entity: {
        type: "string",
        minLength: 1,
        description: "User or team that the run is uploaded to; who is logged in if not set.",
      },
    },
    additionalProperties: false,
  },
} satisfies RegistryEntry<CreateTracker>;
