import { type Static, Type } from "typebox";
import { TrainingError } from "./errors.ts";
import { AdamWOptions } from "./optimizers/adamw.ts";
import { SgdOptions } from "./optimizers/sgd.ts";
import { parseOptions } from "./parse-options.ts";
import { ScheduleOptions } from "./schedules.ts";

const every = (description: string, fallback: number) => Type.Integer({ minimum: 0, default: fallback, description });

export const EarlyStoppingOptions = Type.Object(
  {
    patience: Type.Integer({
      minimum: 1,
      description: "Evaluations in a row without improvement after which training stops.",
    }),
    minDelta: Type.Number({
      minimum: 0,
      default: 0,
      description: "Fall of the held-out loss that counts as improvement, nats per token.",
    }),
  },
  { additionalProperties: false },
);
export type EarlyStoppingOptions = Static<typeof EarlyStoppingOptions>;

/** Everything that can be set about a run of the loop: the words of PyTorch and of Hugging Face's trainer, in camelCase. */
export const TrainingOptions = Type.Object(
  {
    maxSteps: Type.Optional(
      Type.Integer({ minimum: 1, description: "Optimizer steps of the whole run. With epochs, the smaller holds." }),
    ),
    epochs: Type.Optional(
      Type.Integer({ minimum: 1, description: "Passes over the training data. With maxSteps, the smaller holds." }),
    ),
    batchSize: Type.Integer({ minimum: 1, default: 8, description: "Rows of one micro-batch." }),
    gradientAccumulationSteps: Type.Integer({
      minimum: 1,
      default: 1,
      description:
        "Micro-batches per optimizer step, weighted by their targets. The last step of an epoch takes what is left.",
    }),
    optimizer: Type.String({ default: "adamw", description: "Name of the optimizer: adamw, sgd or a registered one." }),
    schedule: Type.String({
      default: "cosine",
      description: "Learning-rate schedule: cosine, linear, constant or a registered one.",
    }),
    ...ScheduleOptions.properties,
    ...AdamWOptions.properties,
    ...SgdOptions.properties,
    optimizerOptions: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "Options of a registered optimizer that have no name of their own here.",
    }),
    scheduleOptions: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "Options of a registered schedule that have no name of their own here.",
    }),
    maxGradNorm: Type.Number({
      minimum: 0,
      default: 1,
      description: "Gradients are scaled down to this global L2 norm; 0 turns clipping off.",
    }),
    evaluationEverySteps: every(
      "Optimizer steps between evaluations on held-out data, which is also evaluated at the end; 0 turns both off.",
      250,
    ),
    evaluationBatchSize: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "Rows of an evaluation batch; batchSize if not set. The loss does not depend on it.",
      }),
    ),
    evaluationBatches: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: "Batches per evaluation, from the start of the held-out data; all of it if not set.",
      }),
    ),
    evaluationOnStart: Type.Boolean({ default: false, description: "Whether to evaluate before the first step, too." }),
    sampleEverySteps: every("Optimizer steps between text samples; 0 turns them off.", 0),
    checkpointEverySteps: every(
      "Optimizer steps between checkpoints; one is always saved at the end. 0 saves only that one.",
      250,
    ),
    logEverySteps: every(
      "Optimizer steps between progress reports; metrics are recorded at every step. 0 turns reports off.",
      10,
    ),
    earlyStopping: Type.Optional(EarlyStoppingOptions),
    precision: Type.Enum(["float32", "bfloat16"], {
      default: "float32",
      description:
        "What the operands of matrix products are rounded to; weights, sums and the optimizer stay float32. bfloat16 needs the device engine.",
    }),
    recordSteps: Type.Boolean({
      default: true,
      description:
        "Record a step once and replay it, on a device that can; same results. Off for a model that draws or counts on its own.",
    }),
    overfitBatch: Type.Boolean({
      default: false,
      description: "Train on the first batch of the data only: a model that cannot learn it by heart has a bug.",
    }),
  },
  {
    additionalProperties: false,
    description: "How to train: length, batches, optimizer, schedule and what happens every n steps.",
  },
);
export type TrainingOptions = Static<typeof TrainingOptions>;

/** What a caller writes: everything that has a default may be left out. */
export type TrainingOptionsInput = Partial<TrainingOptions>;

/**
 * Fills in the defaults and checks; gives a new object.
 * @throws {TrainingError} `TRAINING_OPTIONS_INVALID`, naming every option that is wrong
 */
export function parseTrainingOptions(input: TrainingOptionsInput): TrainingOptions {
  const options = parseOptions(TrainingOptions, input);
  if (options.maxSteps === undefined && options.epochs === undefined) {
    throw new TrainingError("TRAINING_OPTIONS_INVALID", "options: expected maxSteps or epochs, got neither", {
      help: "Set maxSteps to the number of optimizer steps, or epochs to the number of passes over the data.",
    });
  }
  if (options.earlyStopping !== undefined && options.evaluationEverySteps === 0) {
    throw new TrainingError("TRAINING_OPTIONS_INVALID", "earlyStopping: expected evaluationEverySteps above 0, got 0", {
      help: "Early stopping looks at the held-out loss; say how often it is to be measured.",
    });
  }
  return options;
}

// What happens beside the updates, and so may change when a run is resumed: how often to look, print and save.
const SIDE_OPTIONS: ReadonlySet<string> = new Set<keyof TrainingOptions>([
  "evaluationBatchSize",
  "evaluationOnStart",
  "sampleEverySteps",
  "checkpointEverySteps",
  "logEverySteps",
  "recordSteps",
]);

/** The options that shape the weights or when training stops: what a resumed run must share with the run it goes on from. */
export function trajectoryOptions(options: TrainingOptions): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !SIDE_OPTIONS.has(key)));
}
