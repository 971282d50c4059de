/** @module Event files of TensorBoard: the tracker `tensorboard`, and a writer for scripts. */
import type { RegistryEntry } from "@codex/registry";
import type { CreateTracker } from "./registry.ts";
import { type TensorboardOptions, TensorboardTracker } from "./tensorboard/tensorboard-tracker.ts";

export { createEventFile, type EventFile, type EventTime } from "./tensorboard/event-file.ts";
export { type Histogram, histogramOf } from "./tensorboard/histogram.ts";
export type { SessionStatus } from "./tensorboard/hparams.ts";

/** `tensorboard --logdir runs` shows every run with its own curves. */
export const tensorboard = {
  create: (options: TensorboardOptions, context) => new TensorboardTracker(options, context),
  configSchema: {
    type: "object",
    description: "Event files for TensorBoard.",
    properties: {
      directory: {
        type: "string",
        minLength: 1,
        description: "Folder that gets a folder of the run's name; `tensorboard` in the run directory if not set.",
      },
    },
    additionalProperties: false,
  },
} satisfies RegistryEntry<CreateTracker>;
