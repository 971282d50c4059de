/** What a shell script may branch on. The numbers are documented in the README and never change their meaning. */
export const EXIT_CODES = {
  done: 0,
  unexpected: 1,
  usage: 2,
  data: 3,
  resources: 4,
  runInUse: 5,
  drift: 6,
  lossNotFinite: 7,
  sigint: 130,
  sigterm: 143,
} as const;

/** Codes that do not follow the prefix of their package. */
const BY_CODE: Readonly<Record<string, number>> = {
  STORAGE_DISK_FULL: EXIT_CODES.resources,
  STORAGE_LOCKED: EXIT_CODES.runInUse,
  CHECKPOINT_DISK_FULL: EXIT_CODES.resources,
  PIPELINE_DRIFT: EXIT_CODES.drift,
  PIPELINE_EXPORT_EMPTY: EXIT_CODES.data,
  PIPELINE_NOTHING_TO_RESUME: EXIT_CODES.data,
  PIPELINE_RUN_NOT_FOUND: EXIT_CODES.data,
  PIPELINE_FILE_NOT_FOUND: EXIT_CODES.data,
  PIPELINE_FILE_INVALID: EXIT_CODES.data,
  DATA_OPTIONS_INVALID: EXIT_CODES.usage,
  LOGGING_SQLITE_UNSUITABLE: EXIT_CODES.resources,
  MODEL_CONFIG_INVALID: EXIT_CODES.usage,
  MODEL_GENERATION_OPTIONS_INVALID: EXIT_CODES.usage,
  MODEL_PROMPT_INVALID: EXIT_CODES.usage,
  MODEL_PROMPT_TOO_LONG: EXIT_CODES.usage,
  TOKENIZER_VOCAB_TOO_SMALL: EXIT_CODES.usage,
  LOGGING_EVENT_INVALID: EXIT_CODES.usage,
  LOGGING_QUERY_INVALID: EXIT_CODES.usage,
  LOGGING_SEARCH_INVALID: EXIT_CODES.usage,
  LOGGING_SESSION_ID_INVALID: EXIT_CODES.usage,
  LOGGING_TABLE_INVALID: EXIT_CODES.usage,
  LOGGING_TIME_INVALID: EXIT_CODES.usage,
  LOGGING_DEFERRED: EXIT_CODES.resources,
  LOGGING_RUN_EXISTS: EXIT_CODES.runInUse,
  LOGGING_RUN_ID_INVALID: EXIT_CODES.usage,
  STORAGE_IO_FAILED: EXIT_CODES.resources,
  STORAGE_PERMISSION_DENIED: EXIT_CODES.resources,
  TOKENIZER_OPTIONS_INVALID: EXIT_CODES.usage,
  TRAINING_BATCH_INVALID: EXIT_CODES.data,
  TRAINING_DATA_EMPTY: EXIT_CODES.data,
  TRAINING_NO_TARGETS: EXIT_CODES.data,
  TRAINING_OPTIMIZER_STATE_INVALID: EXIT_CODES.data,
  TRAINING_RESUME_DRIFT: EXIT_CODES.drift,
  TRAINING_RESUME_INVALID: EXIT_CODES.data,
  UI_FOLDER_NOT_FOUND: EXIT_CODES.data,
  UI_PORT_UNAVAILABLE: EXIT_CODES.resources,
  UI_PAGE_MISSING: EXIT_CODES.resources,
  TRAINING_NOT_FINITE: EXIT_CODES.lossNotFinite,
};

const BY_PREFIX: readonly (readonly [prefix: string, exitCode: number])[] = [
  ["CONFIG_", EXIT_CODES.usage],
  ["REGISTRY_", EXIT_CODES.usage],
  ["PIPELINE_", EXIT_CODES.usage],
  ["TRAINING_", EXIT_CODES.usage],
  ["METRICS_", EXIT_CODES.data],
  ["DATA_", EXIT_CODES.data],
  ["TOKENIZER_", EXIT_CODES.data],
  ["CHECKPOINT_", EXIT_CODES.data],
  ["SAFETENSORS_", EXIT_CODES.data],
  ["MODEL_", EXIT_CODES.data],
  ["LOGGING_", EXIT_CODES.data],
  ["STORAGE_", EXIT_CODES.data],
  ["TENSOR_", EXIT_CODES.resources],
];

const SYSTEM: Readonly<Record<string, number>> = {
  ENOENT: EXIT_CODES.data,
  EISDIR: EXIT_CODES.data,
  ENOTDIR: EXIT_CODES.data,
  EACCES: EXIT_CODES.resources,
  ENOSPC: EXIT_CODES.resources,
  EDQUOT: EXIT_CODES.resources,
  EROFS: EXIT_CODES.resources,
  EMFILE: EXIT_CODES.resources,
};

/** The exit code for an error of any package: by its `code`, then by the code's package prefix. */
export function exitCodeOf(error: unknown): number {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (code === undefined) return EXIT_CODES.unexpected;
  const prefix = BY_PREFIX.find(([start]) => code.startsWith(start));
  return BY_CODE[code] ?? SYSTEM[code] ?? prefix?.[1] ?? EXIT_CODES.unexpected;
}
