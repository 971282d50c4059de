/** The schema of a whole configuration: the groups of this package, and in each group the options of whatever name it chooses. */
import { CorpusOptions, SamplingOptions } from "@codex/data";
import { GenerationOptions } from "@codex/models";
import type { Registries, RegistryKind } from "@codex/registry";
import { TrainingOptions } from "@codex/training";
import Type, { type Static, type TObject, type TSchema } from "typebox";

/** What a group says beside the options of the name that it chooses. */
const GROUPS = {
  model: {},
  tokenizer: {},
  data: {
    sequenceLength: Type.Integer({ minimum: 1, default: 128, description: "Tokens of a row." }),
    ...CorpusOptions.properties,
    sampling: SamplingOptions,
    cacheDirectory: Type.String({
      default: ".codex/cache",
      description: "Folder of the tokenized corpora, which later runs on the same data use again.",
    }),
  },
} as const;

const KIND_OF_GROUP = { model: "models", tokenizer: "tokenizers", data: "datasets" } as const satisfies Record<
  string,
  RegistryKind
>;
export type NamedGroup = keyof typeof KIND_OF_GROUP;
export const NAMED_GROUPS = Object.keys(KIND_OF_GROUP) as readonly NamedGroup[];

export const InitOptions = Type.Object(
  {
    from: Type.Optional(
      Type.String({ minLength: 1, description: "Folder of a Hugging Face model whose weights training starts from." }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description: "Where the first weights come from; drawn at random if nothing is said.",
  },
);

export const LoggingOptions = Type.Object(
  {
    runsDirectory: Type.String({
      minLength: 1,
      default: "runs",
      description: "Folder that the run directory is made in.",
    }),
    runId: Type.Optional(
      Type.String({ minLength: 1, description: "Name of the run directory; date, time and a random part if not set." }),
    ),
    index: Type.Boolean({
      default: true,
      description: "Keep the run in the SQLite index of that folder, for `codex runs`.",
    }),
    csv: Type.Boolean({ default: true, description: "Write metrics.csv beside metrics.ndjson." }),
    systemMetrics: Type.Object(
      {
        enabled: Type.Boolean({ default: true, description: "Sample processor, memory, disk and network." }),
        intervalSeconds: Type.Number({ minimum: 0.5, default: 10, description: "Seconds between samples." }),
        gpu: Type.Boolean({ default: false, description: "Ask nvidia-smi, too." }),
      },
      { additionalProperties: false, default: {}, description: "What the machine does during the run: system.ndjson." },
    ),
    maxSegmentMegabytes: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: "A line file goes on in a new one (metrics.1.ndjson) before it is larger.",
      }),
    ),
    maxSegmentHours: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: "A line file goes on in a new one after so many hours." }),
    ),
  },
  { additionalProperties: false, default: {} },
);

export const CheckpointOptions = Type.Object(
  {
    keepLast: Type.Integer({ minimum: 1, default: 2, description: "Newest checkpoints that are kept." }),
    keepBest: Type.Integer({
      minimum: 0,
      default: 1,
      description: "Checkpoints with the lowest held-out loss that are kept besides.",
    }),
  },
  { additionalProperties: false, default: {}, description: "Which checkpoints stay on disk." },
);

export const ReportOptions = Type.Object(
  {
    prompt: Type.Optional(
      Type.String({ minLength: 1, description: "Text that samples and the closing completion go on from." }),
    ),
    generation: GenerationOptions,
    baselines: Type.Array(Type.Union([Type.Literal("bigram"), Type.Literal("trigram")]), {
      default: [],
      description: "Byte n-gram models whose held-out bits per byte stand beside the model's at the end.",
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description: "What is shown at the end of a run, and sampled during it.",
  },
);

/** The part of the schema that no plugin changes. */
const FIXED = {
  seed: Type.Integer({
    minimum: 0,
    default: 42,
    description: "Seed of every random stream: init, data, dropout, sampling.",
  }),
  device: Type.Union(
    ["auto", "engine", "tensorflow", "wasm", "cpu"].map((name) => Type.Literal(name)),
    {
      default: "auto",
      description: "Where tensors live. auto takes the first that is there: engine, tensorflow, wasm, cpu.",
    },
  ),
  init: InitOptions,
  logging: LoggingOptions,
  checkpoints: CheckpointOptions,
  report: ReportOptions,
};

/** A name and its options. */
export interface NamedOptions {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** A valid configuration. The options of plugins are typed by the plugins. */
export interface CodexConfig {
  readonly seed: number;
  readonly device: "auto" | "engine" | "tensorflow" | "wasm" | "cpu";
  readonly init: Static<typeof InitOptions>;
  readonly model: NamedOptions;
  readonly tokenizer: NamedOptions;
  readonly data: NamedOptions & {
    readonly sequenceLength: number;
    readonly sampling: Static<typeof SamplingOptions>;
    readonly cacheDirectory: string;
  } & Static<typeof CorpusOptions>;
  readonly training: TrainingOptions & {
    readonly trainer: string;
    readonly trainerOptions: Readonly<Record<string, unknown>>;
  };
  readonly logging: Static<typeof LoggingOptions>;
  readonly tracking: { readonly trackers: readonly NamedOptions[]; readonly finishSeconds: number };
  readonly checkpoints: Static<typeof CheckpointOptions>;
  readonly report: Static<typeof ReportOptions>;
}

/** The names that a configuration chooses: they decide which options are known. */
export interface Selection extends Readonly<Record<NamedGroup, string>> {
  readonly optimizer: string;
  readonly schedule: string;
  readonly trainer: string;
  readonly trackers: readonly string[];
}

/** A plugin may write its schema as plain JSON Schema, where a key is optional by not standing in `required`; TypeBox marks the property. */
function propertiesOf(schema: object): Record<string, TSchema> {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, TSchema>;
    required?: readonly string[];
  };
  return Object.fromEntries(
    Object.entries(properties).map(([key, property]) => [
      key,
      required.includes(key) ? property : Type.Optional(property),
    ]),
  );
}

function named(name: string, schema: object, own: Record<string, TSchema> = {}): TObject {
  const properties = {
    name: Type.Literal(name, { description: "The registered name." }),
    ...propertiesOf(schema),
    ...own,
  };
  return Type.Object(properties, { additionalProperties: false });
}

/** Of a list that is empty. */
const ANY_TRACKER = Type.Object({ name: Type.String({ minLength: 1, description: "The registered name." }) });

/** What a registered part of training takes besides the options that all of them share. */
function optionsBeside(schema: object, part: string): TObject {
  const own = Object.entries(propertiesOf(schema)).filter(([key]) => !(key in TrainingOptions.properties));
  return Type.Object(Object.fromEntries(own), {
    additionalProperties: false,
    default: {},
    description: `Options of the ${part} beyond those of this group.`,
  });
}

/**
 * The schema of configurations that choose these names.
 * @throws {RegistryError} for a name that nobody registered, and for one whose plugin is broken
 */
export async function configurationSchemaFor(registries: Registries, selection: Selection): Promise<TObject> {
  const groups: Record<string, TSchema> = {};
  for (const group of NAMED_GROUPS) {
    const entry = await registries.of(KIND_OF_GROUP[group]).resolve(selection[group]);
    groups[group] = named(selection[group], entry.configSchema, GROUPS[group]);
  }
  const optimizer = await registries.of("optimizers").resolve(selection.optimizer);
  const schedule = await registries.of("schedulers").resolve(selection.schedule);
  const trainer = await registries.of("trainers").resolve(selection.trainer);
  const trackers = await Promise.all(
    selection.trackers.map(async (name) => named(name, (await registries.of("trackers").resolve(name)).configSchema)),
  );
  return Type.Object(
    {
      ...FIXED,
      ...groups,
      training: Type.Object(
        {
          ...TrainingOptions.properties,
          optimizerOptions: optionsBeside(optimizer.configSchema, "optimizer"),
          scheduleOptions: optionsBeside(schedule.configSchema, "schedule"),
          trainerOptions: optionsBeside(trainer.configSchema, "trainer"),
          trainer: Type.String({ default: "default", description: "Name of the training loop." }),
        },
        {
          additionalProperties: false,
          default: {},
          description: "How to train: length, batches, optimizer, schedule, and what happens every n steps.",
        },
      ),
      tracking: Type.Object(
        {
          trackers: Type.Array(trackers.length > 1 ? Type.Union(trackers) : (trackers[0] ?? ANY_TRACKER), {
            default: [],
            description: "Where the numbers of the run go besides its own files, each with a name and options.",
          }),
          finishSeconds: Type.Number({
            minimum: 0,
            default: 10,
            description: "How long the end of a run waits for trackers; `codex runs replay` sends what is left then.",
          }),
        },
        { additionalProperties: false, default: {}, description: "Trackers of the run." },
      ),
    },
    { additionalProperties: false },
  );
}
